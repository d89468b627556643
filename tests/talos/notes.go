package main

// What the comments of Talos' types say is deprecated.

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// deprecations are the notes by type, as reflection names it, and field.
func deprecations() (map[string]map[string]string, error) {
	root, err := machineryFolder("types")
	if err != nil {
		return nil, err
	}

	notes := map[string]map[string]string{}

	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}

		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}

		collectNotes(file, notes)

		return nil
	})

	return notes, err
}

// machineryFolder is a folder below config in the source of Talos' machinery.
func machineryFolder(name string) (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("the program does not know where its source is")
	}

	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/siderolabs/talos/pkg/machinery")
	list.Dir = filepath.Dir(here)

	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}

	return filepath.Join(strings.TrimSpace(string(out)), "config", name), nil
}

func collectNotes(file *ast.File, notes map[string]map[string]string) {
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}

		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}

		name := file.Name.Name + "." + spec.Name.Name

		for _, field := range structure.Fields.List {
			for _, line := range strings.Split(field.Doc.Text(), "\n") {
				note, ok := strings.CutPrefix(line, "Deprecated: ")
				if !ok || len(field.Names) == 0 {
					continue
				}

				if notes[name] == nil {
					notes[name] = map[string]string{}
				}

				notes[name][field.Names[0].Name] = note
			}
		}

		return true
	})
}
