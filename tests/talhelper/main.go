// Command talhelper-judge asks talhelper's own packages, at the version in go.mod, what they make of a text.
//
//	talhelper-judge    JSON requests on stdin, one a line; one line of JSON for each
//
// What talhelper refuses is an answer, and so is a crash of it; exit status 1 is for the rest.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
)

// Request is one question. Env is the whole environment.
type Request struct {
	Op    string            `json:"op"`
	Text  string            `json:"text"`
	Env   map[string]string `json:"env"`
	Files map[string]string `json:"files"`
	Dir   string            `json:"dir"`
	Ours  string            `json:"ours"`
	Base  Base              `json:"base"`
	Sops  Sops              `json:"sops"`
}

// Answer is what came of it.
type Answer struct {
	Error    string              `json:"error"`
	Text     string              `json:"text,omitempty"`
	Env      map[string]string   `json:"env,omitempty"`
	Issues   map[string][]string `json:"issues,omitempty"`
	Nodes    []Node              `json:"nodes,omitempty"`
	Patches  []Patch             `json:"patches,omitempty"`
	Differ   string              `json:"differ,omitempty"`
	Releases []Release           `json:"releases,omitempty"`
	Shape    any                 `json:"shape,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	slog.SetLogLoggerLevel(slog.LevelError)

	out, said, err := divert()
	if err != nil {
		return err
	}

	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)

	lines := bufio.NewReaderSize(os.Stdin, 1<<20)

	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}

		if err != nil && err != io.EOF {
			return err
		}

		var request Request
		if err := json.Unmarshal(line, &request); err != nil {
			return err
		}

		if err := encoder.Encode(answer(request, said)); err != nil {
			return err
		}
	}
}

// divert keeps standard output for the answers: talhelper prints its findings there. They go to a file.
func divert() (out, said *os.File, err error) {
	kept, err := syscall.Dup(1)
	if err != nil {
		return nil, nil, err
	}

	said, err = os.CreateTemp("", "talhelper-said-")
	if err != nil {
		return nil, nil, err
	}

	if err := os.Remove(said.Name()); err != nil {
		return nil, nil, err
	}

	if err := syscall.Dup2(int(said.Fd()), 1); err != nil {
		return nil, nil, err
	}

	return os.NewFile(uintptr(kept), "answers"), said, nil
}

func answer(request Request, said *os.File) (result Answer) {
	defer func() {
		if crash := recover(); crash != nil {
			result = Answer{Error: fmt.Sprintf("crash: %v", crash)}
		}
	}()

	os.Clearenv()

	if err := setenv(request.Env); err != nil {
		return Answer{Error: err.Error()}
	}

	switch request.Op {
	case "envsubst":
		return substituted(request)
	case "reencode":
		return reencoded(request)
	case "env":
		return environment(request)
	case "load":
		return loaded(request, said)
	case "releases":
		return releases()
	case "shape":
		return shape()
	case "base":
		return based(request)
	case "links":
		return links(request)
	case "seal":
		return sealed(request)
	case "template":
		return rendered(request)
	case "render":
		return generated(request)
	case "fields":
		return fields()
	default:
		return Answer{Error: "unknown op " + request.Op}
	}
}

func setenv(env map[string]string) error {
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("not an environment: %w", err)
		}
	}

	return nil
}
