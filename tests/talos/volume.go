package main

// An encrypted volume, from a part of an image to Talos' verdict on it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/siderolabs/go-blockdevice/v2/encryption"
	"github.com/siderolabs/go-blockdevice/v2/encryption/luks"
)

// headerRoom is more than headers and keyslots take; the data behind them is not looked at.
const headerRoom = 32 << 20

type luksView struct {
	// Error says why Talos refuses the header.
	Error string `json:"error"`
	// Keyslots are the ids that Talos reads.
	Keyslots []string `json:"keyslots"`
	// Token is whether the slot has one.
	Token bool `json:"token"`
	// Opens says whether the key opens the slot.
	Opens bool `json:"opens"`
}

// openVolume does what Talos does before it maps a volume: it reads and checks the header, looks for
// the slot's token, and tries the key. Go-blockdevice takes a path and starts at its first byte, so
// the front of the volume is copied.
func openVolume(path string, args []string, in io.Reader, encoder *json.Encoder) error {
	slot, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("slot: %w", err)
	}

	key, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}

	file, part, err := openPart(path, args[0], args[1])
	if err != nil {
		return err
	}

	defer file.Close() //nolint:errcheck

	volume, err := os.CreateTemp("", "talos-volume-*")
	if err != nil {
		return err
	}

	defer os.Remove(volume.Name()) //nolint:errcheck
	defer volume.Close()           //nolint:errcheck

	if _, err := io.CopyN(volume, part, min(part.Size(), headerRoom)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	if err := volume.Truncate(part.Size()); err != nil {
		return err
	}

	v, err := tryVolume(volume.Name(), encryption.NewKey(slot, key))
	if err != nil {
		return err
	}

	return encoder.Encode(v)
}

func tryVolume(path string, key *encryption.Key) (*luksView, error) {
	ctx := context.Background()
	provider := luks.New(luks.AESXTSPlain64Cipher)

	keyslots, err := provider.ReadKeyslots(path)
	if err != nil {
		return &luksView{Error: err.Error()}, nil
	}

	v := &luksView{}
	for id := range keyslots.Keyslots {
		v.Keyslots = append(v.Keyslots, id)
	}

	slices.Sort(v.Keyslots)

	var found luks.Token[json.RawMessage]

	switch err := provider.ReadToken(ctx, path, key.Slot, &found); {
	case err == nil:
		v.Token = true
	case !errors.Is(err, encryption.ErrTokenNotFound):
		return nil, fmt.Errorf("token: %w", err)
	}

	if v.Opens, err = provider.CheckKey(ctx, path, key); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}

	return v, nil
}

// openPart is a part of a file. The caller closes the file.
func openPart(path, offset, length string) (*os.File, *io.SectionReader, error) {
	start, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return nil, nil, fmt.Errorf("offset: %w", err)
	}

	size, err := strconv.ParseInt(length, 10, 64)
	if err != nil {
		return nil, nil, fmt.Errorf("length: %w", err)
	}

	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}

	return file, io.NewSectionReader(file, start, size), nil
}
