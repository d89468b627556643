package main

// Selectors, as Talos parses and evaluates them.

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	celgo "github.com/google/cel-go/cel"
	"github.com/siderolabs/talos/pkg/machinery/api/resource/definitions/block"
	"github.com/siderolabs/talos/pkg/machinery/cel"
	"github.com/siderolabs/talos/pkg/machinery/cel/celenv"
	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
)

// request is one selector and what it is asked of.
type request struct {
	// Env is "disk" or "volume".
	Env string `json:"env"`
	// Text is a CEL expression; empty if Legacy is set.
	Text string `json:"text"`
	// Legacy is machine.install.diskSelector.
	Legacy json.RawMessage `json:"legacy"`
	// Disks are block.DiskSpec messages.
	Disks []json.RawMessage `json:"disks"`
	// Volumes are block.DiscoveredVolumeSpec messages, each on the disk of the same index.
	Volumes []json.RawMessage `json:"volumes"`
	// SystemDisk says for each disk whether it is the system disk; absent while none is known.
	SystemDisk []bool `json:"system_disk"`
}

// answer says whether the selector is valid, how Talos prints it, and what it matches.
type answer struct {
	Error   string   `json:"error,omitempty"`
	Printed string   `json:"printed,omitempty"`
	Results []result `json:"results"`
}

type result struct {
	Match bool   `json:"match"`
	Error string `json:"error,omitempty"`
}

func answerSelectors(in io.Reader, encoder *json.Encoder) error {
	lines := bufio.NewReaderSize(in, 1<<20)

	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}

		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("request: %w", err)
		}

		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("request: %w", err)
		}

		a, err := judge(&r)
		if err != nil {
			return err
		}

		if err := encoder.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func judge(r *request) (*answer, error) {
	env := celenv.DiskLocator()
	if r.Env == "volume" {
		env = celenv.VolumeLocator()
	}

	expression, err := r.expression(env)
	if err != nil {
		return &answer{Error: err.Error()}, nil
	}

	a := &answer{Printed: expression.String()}

	for i := range max(len(r.Disks), len(r.Volumes)) {
		values, err := r.values(i)
		if err != nil {
			return nil, err
		}

		match, err := expression.EvalBool(env, values)
		if err != nil {
			a.Results = append(a.Results, result{Error: err.Error()})
		} else {
			a.Results = append(a.Results, result{Match: match})
		}
	}

	return a, nil
}

func (r *request) expression(env *celgo.Env) (*cel.Expression, error) {
	if r.Legacy == nil {
		expression, err := cel.ParseBooleanExpression(r.Text, env)

		return &expression, err
	}

	var selector v1alpha1.InstallDiskSelector
	if err := yaml.Unmarshal(r.Legacy, &selector); err != nil {
		return nil, err
	}

	install := v1alpha1.InstallConfig{InstallDiskSelector: &selector}

	return install.DiskMatchExpression()
}

func (r *request) values(i int) (map[string]any, error) {
	values := map[string]any{}

	if i < len(r.Disks) {
		var disk block.DiskSpec
		if err := protojson.Unmarshal(r.Disks[i], &disk); err != nil {
			return nil, fmt.Errorf("disk: %w", err)
		}

		values["disk"] = &disk
	}

	if i < len(r.Volumes) {
		var volume block.DiscoveredVolumeSpec
		if err := protojson.Unmarshal(r.Volumes[i], &volume); err != nil {
			return nil, fmt.Errorf("volume: %w", err)
		}

		values["volume"] = &volume
	}

	if i < len(r.SystemDisk) {
		values["system_disk"] = r.SystemDisk[i]
	}

	return values, nil
}
