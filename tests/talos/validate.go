package main

// Configurations, as Talos validates them without a machine: what `talosctl validate` says.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
)

type validateAnswer struct {
	// Stage is where an error arose: config, load, apply, result or validate; empty if Talos accepts it.
	Stage string `json:"stage"`
	Error string `json:"error"`
	// Warnings are what it says beside.
	Warnings []string `json:"warnings"`
	// Strict is why it is refused with --strict.
	Strict string `json:"strict"`
}

// answerValidations patches configurations and validates what comes of them.
func answerValidations(in io.Reader, out *json.Encoder) error {
	decoder := json.NewDecoder(bufio.NewReader(in))

	for {
		var request patchRequest

		if err := decoder.Decode(&request); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}

		patched := &patchAnswer{}
		patched.run(&request)

		answer := &validateAnswer{Stage: patched.Stage, Error: patched.Error}
		if answer.Stage == "" {
			answer.validate(patched.Text)
		}

		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func (a *validateAnswer) validate(text string) {
	defer func() {
		if caught := recover(); caught != nil {
			a.Stage, a.Error = "validate", fmt.Sprint("panic: ", caught)
		}
	}()

	provider, err := configloader.NewFromBytes([]byte(text))
	if err != nil {
		a.Stage, a.Error = "result", err.Error()

		return
	}

	if a.Warnings, err = provider.Validate(metal{}, validation.WithLocal()); err != nil {
		a.Stage, a.Error = "validate", err.Error()
	}

	if _, err = provider.Validate(metal{}, validation.WithLocal(), validation.WithStrict()); err != nil {
		a.Strict = err.Error()
	}
}
