package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
)

// fields is the tree of what a template may look into: a line for each field with Go's name, the key and the type, and
// its own fields below it.
func fields() Answer {
	var text strings.Builder

	below(&text, reflect.TypeFor[v1alpha1.Config](), "")

	return Answer{Text: text.String()}
}

func below(text *strings.Builder, of reflect.Type, indent string) {
	for i := range of.NumField() {
		field := of.Field(i)
		key, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")

		if !field.IsExported() || field.Anonymous || strings.Contains(options, "inline") || key == "-" || key == "" {
			continue
		}

		kind, inner := kindOf(field.Type)
		fmt.Fprintf(text, "%s%s %s %s\n", indent, field.Name, key, kind)

		if inner != nil {
			below(text, inner, indent+" ")
		}
	}
}

var (
	stringer = reflect.TypeFor[fmt.Stringer]()
	failure  = reflect.TypeFor[error]()
)

// kindOf names a type, with a mark for each pointer, list or map around it; and the structure inside.
func kindOf(of reflect.Type) (string, reflect.Type) {
	pointer := reflect.PointerTo(of)
	own := pointer.Implements(stringer) || pointer.Implements(failure)
	_, reads := pointer.MethodByName("UnmarshalYAML")
	_, decodes := pointer.MethodByName("UnmarshalText")

	if of.Kind() == reflect.Pointer {
		kind, inner := kindOf(of.Elem())

		return "*" + kind, inner
	}

	switch {
	case of == reflect.TypeFor[v1alpha1.Endpoint]():
		return "url", nil
	case own, decodes:
		return "other", nil
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Uint8:
		return "other", nil
	case of.Kind() == reflect.Slice:
		kind, inner := kindOf(of.Elem())

		return "[" + kind, inner
	case of.Kind() == reflect.Map && of.Key().Kind() == reflect.String:
		kind, inner := kindOf(of.Elem())

		return "{" + kind, inner
	case reads:
		return "other", nil
	case of.Kind() == reflect.Struct:
		return "struct", of
	case of.Kind() == reflect.String:
		return "text", nil
	case of.Kind() == reflect.Bool:
		return "flag", nil
	case of.ConvertibleTo(reflect.TypeFor[int64]()) && of.Kind() != reflect.Float64 && of.Kind() != reflect.Float32:
		return "whole", nil
	default:
		return "other", nil
	}
}
