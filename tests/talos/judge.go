package main

import (
	"encoding/json"
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"
)

// request is one selector and what it is asked of.
type request struct {
	// Env is "disk" or "volume".
	Env string `json:"env"`
	// Text is a CEL expression; empty if Legacy is set.
	Text string `json:"text"`
	// Legacy is machine.install.diskSelector.
	Legacy *legacySelector `json:"legacy"`
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

func (e *environments) judge(r *request) (*answer, error) {
	env := e.disk
	if r.Env == "volume" {
		env = e.volume
	}

	text := r.Text

	var printed string

	if r.Legacy != nil {
		var err error
		if printed, err = r.Legacy.print(env); err != nil {
			return &answer{Error: err.Error()}, nil
		}

		text = printed
	}

	ast, err := parse(env, text)
	if err != nil {
		return &answer{Error: err.Error(), Printed: printed}, nil
	}

	a := &answer{Printed: printed}

	for i := range max(len(r.Disks), len(r.Volumes)) {
		values, err := e.values(r, i)
		if err != nil {
			return nil, err
		}

		a.Results = append(a.Results, evaluate(env, ast, values))
	}

	return a, nil
}

// parse does what Talos' ParseBooleanExpression does.
func parse(env *cel.Env, text string) (*cel.Ast, error) {
	ast, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}

	ast, issues = env.Check(ast)
	if issues.Err() != nil {
		return nil, issues.Err()
	}

	if t := ast.OutputType(); !t.IsExactType(types.BoolType) {
		return nil, fmt.Errorf("expression output type is %s, expected bool", t)
	}

	return ast, nil
}

// evaluate does what Talos' EvalBool does.
func evaluate(env *cel.Env, ast *cel.Ast, values map[string]any) result {
	program, err := env.Program(ast)
	if err != nil {
		return result{Error: err.Error()}
	}

	out, _, err := program.Eval(values)
	if err != nil {
		return result{Error: err.Error()}
	}

	match, ok := out.Value().(bool)
	if !ok {
		return result{Error: fmt.Sprintf("expression output type is %s, expected bool", out.Type())}
	}

	return result{Match: match}
}

func (e *environments) values(r *request, i int) (map[string]any, error) {
	values := map[string]any{}

	if i < len(r.Disks) {
		disk, err := e.decode("DiskSpec", r.Disks[i])
		if err != nil {
			return nil, err
		}

		values["disk"] = disk
	}

	if i < len(r.Volumes) {
		volume, err := e.decode("DiscoveredVolumeSpec", r.Volumes[i])
		if err != nil {
			return nil, err
		}

		values["volume"] = volume
	}

	if i < len(r.SystemDisk) {
		values["system_disk"] = r.SystemDisk[i]
	}

	return values, nil
}

func (e *environments) decode(name string, data []byte) (*dynamicpb.Message, error) {
	for i := range e.messages.Len() {
		if descriptor := e.messages.Get(i); string(descriptor.Name()) == name {
			msg := dynamicpb.NewMessage(descriptor)
			if err := protojson.Unmarshal(data, msg); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}

			return msg, nil
		}
	}

	return nil, fmt.Errorf("no message type %s", name)
}
