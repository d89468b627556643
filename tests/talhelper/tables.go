package main

import (
	"encoding"
	"reflect"
	"strings"

	"github.com/budimanjojo/talhelper/v3/pkg/config"
	"github.com/budimanjojo/talhelper/v3/pkg/templating"
)

// Release is a version that talhelper knows, with what may be built into its images.
type Release struct {
	Version    string      `json:"version"`
	Extensions []string    `json:"extensions"`
	Overlays   [][2]string `json:"overlays"`
}

func releases() Answer {
	var all []Release

	for _, version := range config.OfficialExtensions.Versions {
		release := Release{Version: version.Version, Extensions: version.SystemExtensions}

		for _, overlay := range version.Overlays {
			release.Overlays = append(release.Overlays, [2]string{overlay.Name, overlay.Image})
		}

		all = append(all, release)
	}

	return Answer{Releases: all, Text: config.LatestTalosVersion}
}

// shape is the tree of keys and types that talconfig.yaml decodes into.
func shape() Answer {
	return Answer{Shape: shapeOf(reflect.TypeFor[config.TalhelperConfig]())}
}

type unmarshaler interface {
	UnmarshalYAML(unmarshal func(any) error) error
}

func shapeOf(of reflect.Type) any {
	pointer := reflect.PointerTo(of)

	switch {
	case of.Kind() == reflect.Pointer:
		return shapeOf(of.Elem())
	case pointer.Implements(reflect.TypeFor[unmarshaler]()), pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "!" + of.Name()
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Pointer:
		return []any{"*", shapeOf(of.Elem())}
	case of.Kind() == reflect.Slice:
		return []any{shapeOf(of.Elem())}
	case of.Kind() == reflect.Map:
		return map[string]any{"*": shapeOf(of.Elem())}
	case of.Kind() == reflect.Struct:
		fields := map[string]any{}
		collect(of, fields)

		return fields
	case of.Name() == "Duration":
		return "duration"
	default:
		return of.Kind().String()
	}
}

func collect(of reflect.Type, fields map[string]any) {
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() {
			continue
		}

		key, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")

		switch {
		case strings.Contains(options, "inline"):
			collect(field.Type, fields)
		case key == "":
			fields[strings.ToLower(field.Name)] = shapeOf(field.Type)
		default:
			fields[key] = shapeOf(field.Type)
		}
	}
}

// rendered renders a template over nothing at all.
func rendered(request Request) Answer {
	text, err := templating.RenderTemplate[string](request.Text, nil)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	return Answer{Text: text}
}
