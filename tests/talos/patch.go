package main

// Patches, as Talos applies them.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	jsonpatch "github.com/evanphx/json-patch"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/configpatcher"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"go.yaml.in/yaml/v4"
)

// patchRequest is a configuration, patches for it, and what somebody else made of them.
type patchRequest struct {
	Config  string   `json:"config"`
	Patches []string `json:"patches"`
	// Result is encoded as Talos would, so that it can be compared.
	Result *string `json:"result"`
}

type patchAnswer struct {
	// Stage is where an error arose: config, load, apply or result.
	Stage string `json:"stage"`
	Error string `json:"error"`
	// Kinds are json or strategic, one for each patch that was loaded.
	Kinds []string `json:"kinds"`
	// Text is what Talos has after the patches.
	Text string `json:"text"`
	// Values are the documents of Text.
	Values []any `json:"values"`
	// Other is what Talos makes of the result of the request, and why it refuses it.
	Other      string `json:"other"`
	OtherError string `json:"other_error"`
	// Documents are those of the result, as a YAML reader sees them.
	Documents []any `json:"documents"`
}

func answerPatches(in io.Reader, out *json.Encoder) error {
	reader := bufio.NewReader(in)
	decoder := json.NewDecoder(reader)

	for {
		var request patchRequest

		if err := decoder.Decode(&request); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}

		answer := &patchAnswer{}
		answer.run(&request)
		answer.compare(&request)

		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

// run applies the patches to the configuration in the form that Talos writes.
func (a *patchAnswer) run(request *patchRequest) {
	a.Stage = "config"

	defer func() {
		if caught := recover(); caught != nil {
			a.Error = fmt.Sprint("panic: ", caught)
		}
	}()

	var err error

	defer func() {
		if err != nil {
			a.Error = err.Error()
		}
	}()

	var base string

	if base, err = reencode(request.Config); err != nil {
		return
	}

	a.Stage = "load"

	var patches []configpatcher.Patch

	for _, text := range request.Patches {
		var patch configpatcher.Patch

		if patch, err = configpatcher.LoadPatch([]byte(text)); err != nil {
			return
		}

		kind := "strategic"
		if _, ok := patch.(jsonpatch.Patch); ok {
			kind = "json"
		}

		a.Kinds = append(a.Kinds, kind)
		patches = append(patches, patch)
	}

	a.Stage = "apply"

	var output configpatcher.Output

	if output, err = configpatcher.Apply(configpatcher.WithBytes([]byte(base)), patches); err != nil {
		return
	}

	var patched []byte

	if patched, err = output.Bytes(); err != nil {
		return
	}

	a.Stage = "result"

	if a.Text, err = reencode(string(patched)); err != nil {
		return
	}

	if a.Values, err = plain(a.Text); err != nil {
		return
	}

	a.Stage = ""
}

func (a *patchAnswer) compare(request *patchRequest) {
	if request.Result == nil {
		return
	}

	defer func() {
		if caught := recover(); caught != nil {
			a.OtherError = fmt.Sprint("panic: ", caught)
		}
	}()

	other, err := reencode(*request.Result)
	if err == nil {
		a.Documents, err = plain(*request.Result)
	}

	if err != nil {
		a.OtherError = err.Error()
	}

	a.Other = other
}

// reencode is the configuration as Talos writes it.
func reencode(text string) (string, error) {
	provider, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		return "", err
	}

	encoded, err := provider.EncodeBytes(encoder.WithComments(encoder.CommentsDisabled))

	return string(encoded), err
}

// plain are the documents as JSON can say them.
func plain(text string) ([]any, error) {
	var documents []any

	decoder := yaml.NewDecoder(strings.NewReader(text))

	for {
		var document any

		if err := decoder.Decode(&document); err == io.EOF {
			return documents, nil
		} else if err != nil {
			return nil, err
		}

		documents = append(documents, document)
	}
}
