package main

// The configurations and patches that Talos' own tests apply.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type fixture struct {
	Name    string   `json:"name"`
	Config  string   `json:"config"`
	Patches []string `json:"patches"`
}

func listFixtures(encoder *json.Encoder) error {
	root, err := machineryFolder("configpatcher/testdata")
	if err != nil {
		return err
	}

	strategic, err := machineryFolder("types/v1alpha1/testdata/strategic")
	if err != nil {
		return err
	}

	folders, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		return err
	}

	more, err := filepath.Glob(filepath.Join(strategic, "*"))
	if err != nil {
		return err
	}

	for _, folder := range append(folders, more...) {
		info, err := os.Stat(folder)
		if err != nil {
			return err
		}

		if !info.IsDir() {
			continue
		}

		if err = listFolder(folder, encoder); err != nil {
			return err
		}
	}

	return nil
}

// listFolder makes every patch of a folder a fixture for every configuration, and all of them together one more.
func listFolder(folder string, encoder *json.Encoder) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}

	slices.Sort(files)

	var configs, patches []string

	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}

		switch name := filepath.Base(file); {
		case strings.Contains(name, "expected"):
		case slices.Contains([]string{"config.yaml", "base.yaml", "left.yaml", "controlplane_orig.yaml"}, name):
			configs = append(configs, string(text))
		default:
			patches = append(patches, string(text))
		}
	}

	for _, config := range configs {
		sets := [][]string{patches}
		for _, patch := range patches {
			sets = append(sets, []string{patch})
		}

		for _, set := range sets {
			name := filepath.Base(filepath.Dir(folder)) + "/" + filepath.Base(folder)
			if err := encoder.Encode(fixture{Name: name, Config: config, Patches: set}); err != nil {
				return err
			}
		}
	}

	return nil
}
