package main

import (
	"os"
	"strings"

	"github.com/a8m/envsubst"
	"github.com/budimanjojo/talhelper/v3/pkg/substitute"
)

// substituted calls the library as talhelper does, without the round trip through YAML.
func substituted(request Request) Answer {
	text, err := envsubst.BytesRestricted([]byte(request.Text), true, true)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	return Answer{Text: string(text)}
}

// reencoded is talhelper's own substitution: comments dropped, YAML written anew, variables replaced.
func reencoded(request Request) Answer {
	text, err := substitute.SubstituteEnvFromByte([]byte(request.Text))
	if err != nil {
		return Answer{Error: err.Error()}
	}

	return Answer{Text: string(text)}
}

// environment is what a talenv file leaves in the environment.
func environment(request Request) Answer {
	file, err := os.CreateTemp("", "talenv-*.yaml")
	if err != nil {
		return Answer{Error: err.Error()}
	}

	defer os.Remove(file.Name())

	if _, err := file.WriteString(request.Text); err != nil {
		return Answer{Error: err.Error()}
	}

	file.Close()

	if err := substitute.LoadEnvFromFiles([]string{file.Name()}); err != nil {
		return Answer{Error: err.Error()}
	}

	env := map[string]string{}

	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}

	return Answer{Env: env}
}
