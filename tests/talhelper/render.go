package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/budimanjojo/talhelper/v3/pkg/config"
	"github.com/budimanjojo/talhelper/v3/pkg/generate"
	"gopkg.in/yaml.v3"
)

// generated is what `talhelper genconfig --offline-mode` writes for each node, or why it does not. Secrets are those of
// the request's base. Its last step, the client's configuration, wants real certificates and is not looked at.
func generated(request Request) Answer {
	if err := place(request); err != nil {
		return Answer{Error: "cannot write: " + err.Error()}
	}

	cfg, err := config.LoadAndValidateFromFile("talconfig.yaml", envFiles, false)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	secrets, out, err := prepare(request)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	result := Answer{}

	for _, node := range cfg.Nodes {
		// An empty name stands for one that talhelper refuses.
		name, _ := node.GetOutputFileName(cfg)

		one := *cfg
		one.Nodes = []config.Node{node}
		one.Nodes[0].FilenameTmpl = "node.yaml"

		rendered := render(&one, node.Hostname, secrets, out)
		rendered.File = name
		result.Nodes = append(result.Nodes, rendered)
	}

	return result
}

func prepare(request Request) (secrets, out string, err error) {
	bundle, err := request.Base.bundle()
	if err != nil {
		return "", "", err
	}

	text, err := yaml.Marshal(bundle)
	if err != nil {
		return "", "", err
	}

	out = filepath.Join(request.Dir, "out")
	secrets = filepath.Join(request.Dir, "secrets.yaml")

	return secrets, out, os.WriteFile(secrets, text, 0o600)
}

func render(cfg *config.TalhelperConfig, name, secrets, out string) (node Node) {
	node.Hostname = name

	defer func() {
		if crash := recover(); crash != nil {
			node.Error = "crash"
		}
	}()

	file := filepath.Join(out, "node.yaml")
	_ = os.Remove(file)

	err := generate.GenerateConfig(cfg, false, out, secrets, "metal", true, true, time.Hour)

	text, missing := os.ReadFile(file)
	if missing == nil {
		node.YAML = string(text)
	} else if err != nil {
		node.Error = err.Error()
	} else {
		node.Error = missing.Error()
	}

	return node
}
