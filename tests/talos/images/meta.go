package main

// META by go-adv, which Talos reads and writes it with.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/siderolabs/go-adv/adv/talos"
)

// readMeta prints the tags and values of META in a file.
func readMeta(path string, out io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()

	adv, err := talos.NewADV(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	tags := map[string]string{}

	for _, tag := range adv.ListTags() {
		value, ok := adv.ReadTagBytes(tag)
		if !ok {
			return fmt.Errorf("tag %#x is listed and cannot be read", tag)
		}

		tags[fmt.Sprintf("%#02x", tag)] = string(value)
	}

	return json.NewEncoder(out).Encode(tags)
}

// writeMeta makes a META with one tag.
func writeMeta(path, tag, value string) error {
	number, err := strconv.ParseUint(tag, 0, 8)
	if err != nil {
		return fmt.Errorf("tag: %w", err)
	}

	adv, err := talos.NewADV(nil)
	if err != nil {
		return err
	}

	if !adv.SetTag(uint8(number), value) {
		return errors.New("no room for the tag")
	}

	data, err := adv.Bytes()
	if err != nil {
		return err
	}

	return os.WriteFile(path, data, 0o600)
}
