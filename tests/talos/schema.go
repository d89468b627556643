package main

// The types of Talos' machine configuration, by reflection: src/config/schema/talos.txt.

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"go.yaml.in/yaml/v4"
)

//go:linkname registeredKinds github.com/siderolabs/talos/pkg/machinery/config/internal/registry.Kinds
func registeredKinds() []string

type merger interface{ Merge(other any) error }

type oldUnmarshaler interface {
	UnmarshalYAML(unmarshal func(any) error) error
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlUnmarshaler = reflect.TypeFor[yaml.Unmarshaler]()
	oldYAML         = reflect.TypeFor[oldUnmarshaler]()
	mergers         = reflect.TypeFor[merger]()
	stringers       = reflect.TypeFor[fmt.Stringer]()
	zeroers         = reflect.TypeFor[yaml.IsZeroer]()
	durations       = reflect.TypeFor[time.Duration]()
)

// describer collects the lines of types in the order in which they are met.
type describer struct {
	notes map[string]map[string]string
	seen  map[reflect.Type]bool
	lines []string
}

func describeTypes(out *json.Encoder) error {
	notes, err := deprecations()
	if err != nil {
		return err
	}

	d := &describer{notes: notes, seen: map[reflect.Type]bool{}}

	var documents []string

	for _, kind := range registeredKinds() {
		doc, err := newDocument(kind)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}

		documents = append(documents, d.document(kind, doc))
	}

	version := "unknown"

	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/siderolabs/talos/pkg/machinery" {
				version = dep.Version
			}
		}
	}

	lines := append([]string{"talos " + version}, documents...)

	return out.Encode(strings.Join(append(lines, d.lines...), "\n") + "\n")
}

func newDocument(kind string) (config.Document, error) {
	text := fmt.Sprintf("apiVersion: v1alpha1\nkind: %s\n", kind)
	if kind == "v1alpha1" {
		text = "debug: false\n"
	}

	provider, err := configloader.NewFromBytes([]byte(text), configloader.WithNoValidation())
	if err != nil {
		return nil, err
	}

	return provider.Documents()[0], nil
}

// document is the line of a kind: its type, the key of its name, what excludes it, whether it configures a link.
func (d *describer) document(kind string, doc config.Document) string {
	typ := reflect.TypeOf(doc).Elem()
	line := "D " + kind + " " + d.typeOf(typ)

	if key := nameKey(doc); key != "" {
		line += " name=" + key
	}

	if conflicting, ok := doc.(config.ConflictingDocument); ok {
		line += " conflicts=" + strings.Join(conflicting.ConflictsWithKinds(), ",")
	}

	if _, ok := doc.(config.NetworkCommonLinkConfig); ok {
		line += " link"
	}

	if _, ok := doc.(config.NetworkAdditionalLinkConfigs); ok {
		line += " peer"
	}

	return line
}

// nameKey finds the key that Name() returns; "?" if none does.
func nameKey(doc config.Document) string {
	named, ok := doc.(config.NamedDocument)
	if !ok {
		return ""
	}

	const probe = "probe"

	value := reflect.ValueOf(doc).Elem()
	typ := value.Type()

	for i := range typ.NumField() {
		field := value.Field(i)
		if field.Kind() != reflect.String {
			continue
		}

		field.SetString(probe)
		found := named.Name() == probe
		field.SetString("")

		if found {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")

			return key
		}
	}

	return "?"
}

// typeOf is the notation of a type; named ones get a line of their own.
func (d *describer) typeOf(typ reflect.Type) string {
	pointer := reflect.PointerTo(typ)
	custom := pointer.Implements(textUnmarshaler) || pointer.Implements(yamlUnmarshaler) ||
		pointer.Implements(oldYAML) || pointer.Implements(mergers)

	switch {
	case typ == durations:
		return "duration"
	case custom && typ.Kind() != reflect.Pointer:
		return d.named(typ)
	}

	switch typ.Kind() {
	case reflect.Pointer:
		return "*" + d.typeOf(typ.Elem())
	case reflect.Slice:
		return "[" + d.typeOf(typ.Elem())
	case reflect.Map:
		return "{" + d.typeOf(typ.Elem())
	case reflect.Interface:
		return "any"
	case reflect.Struct:
		return d.structure(typ)
	default:
		return typ.Kind().String()
	}
}

func (d *describer) add(typ reflect.Type, lines ...string) {
	d.lines = append(d.lines, lines...)
}

// named is a type that reads itself or merges itself.
func (d *describer) named(typ reflect.Type) string {
	name := typ.String()
	if d.seen[typ] {
		return name
	}

	d.seen[typ] = true
	pointer := reflect.PointerTo(typ)

	if number(typ.Kind()) && pointer.Implements(textUnmarshaler) {
		d.add(typ, "E "+name+" "+strings.Join(words(typ), " "))

		return name
	}

	flags := ""

	for _, it := range []struct {
		is   bool
		flag string
	}{
		{pointer.Implements(textUnmarshaler), "t"},
		{pointer.Implements(yamlUnmarshaler) || pointer.Implements(oldYAML), "y"},
		{pointer.Implements(mergers), "m"},
		{typ.Implements(stringers), "s"},
	} {
		if it.is {
			flags += it.flag
		}
	}

	under := typ.Kind().String()

	switch typ.Kind() {
	case reflect.Slice:
		under = "[" + d.typeOf(typ.Elem())
	case reflect.Map:
		under = "{" + d.typeOf(typ.Elem())
	}

	d.add(typ, "N "+name+" "+under+" "+flags)

	return name
}

func number(kind reflect.Kind) bool {
	return kind >= reflect.Int && kind <= reflect.Uint64
}

// words are the texts of an enumeration: that of zero first, "-" if zero has none.
func words(typ reflect.Type) []string {
	all := []string{"-"}

	most := 256
	if typ.Kind() == reflect.Uint16 {
		most = 1 << 16
	}

	for i := range most {
		value := reflect.New(typ).Elem()
		if value.CanInt() {
			value.SetInt(int64(i))
		} else {
			value.SetUint(uint64(i))
		}

		text := fmt.Sprint(value.Interface())
		back := reflect.New(typ)

		err := back.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) //nolint:forcetypeassert
		if err != nil || back.Elem().Interface() != value.Interface() {
			continue
		}

		if i == 0 {
			all[0] = text
		} else {
			all = append(all, text)
		}
	}

	return all
}

func (d *describer) structure(typ reflect.Type) string {
	name := typ.String()
	if d.seen[typ] {
		return name
	}

	d.seen[typ] = true

	var fields []string

	d.fields(typ, &fields)
	d.add(typ, append([]string{"S " + name + zeroKeys(typ)}, fields...)...)

	return name
}

// fields adds a line for each key: the key, its type, flags, and what is to be used instead.
func (d *describer) fields(typ reflect.Type, lines *[]string) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		if !field.IsExported() && !field.Anonymous {
			*lines = append(*lines, " - hidden")

			continue
		}

		key, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		flags := strings.Split(options, ",")

		if slices.Contains(flags, "inline") {
			if field.Type.Kind() == reflect.Map {
				*lines = append(*lines, " * "+d.typeOf(field.Type))
			} else {
				d.fields(field.Type, lines)
			}

			continue
		}

		if key == "" {
			key = strings.ToLower(field.Name)
		}

		line := " " + key + " " + d.typeOf(field.Type)

		if slices.Contains(flags, "omitempty") {
			line += " o"
		}

		if field.Type.Kind() == reflect.Slice && field.Type.Implements(zeroers) {
			line += " k"
		}

		if slices.Contains(strings.Split(field.Tag.Get("merge"), ","), "replace") {
			line += " r"
		}

		if field.Type.Implements(stringers) {
			line += " s"
		}

		if note := d.notes[typ.String()][field.Name]; note != "" {
			line += " ! " + note
		}

		*lines = append(*lines, line)
	}
}

// zeroKeys are the keys that IsZero of a structure looks at, if it does not look at all.
func zeroKeys(typ reflect.Type) string {
	if !typ.Implements(zeroers) {
		return ""
	}

	var keys []string

	all := true

	for i := range typ.NumField() {
		value := reflect.New(typ).Elem()
		fill(value.Field(i))

		if value.Interface().(yaml.IsZeroer).IsZero() { //nolint:forcetypeassert
			all = false

			continue
		}

		key, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
		keys = append(keys, key)
	}

	if all {
		return ""
	}

	return " zero=" + strings.Join(keys, ",")
}

// fill makes a value of it that is not zero, deep enough for every IsZero.
func fill(value reflect.Value) {
	pointer := value.Addr().Interface()

	if unmarshaler, ok := pointer.(encoding.TextUnmarshaler); ok {
		for _, text := range []string{"1GiB", "true", "xfs", "luks2", "10.0.0.0"} {
			if unmarshaler.UnmarshalText([]byte(text)) == nil && !value.IsZero() {
				return
			}
		}
	}

	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Field(i).CanSet() {
				fill(value.Field(i))
			}
		}
	case reflect.String:
		value.SetString("x")
	case reflect.Bool:
		value.SetBool(true)
	default:
		if value.CanInt() {
			value.SetInt(1)
		} else if value.CanUint() {
			value.SetUint(1)
		}
	}
}
