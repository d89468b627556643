package main

// Disks, as Talos discovers them: the partitions and META.

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/siderolabs/go-adv/adv/talos"
	"github.com/siderolabs/go-blockdevice/v2/blkid"
	"github.com/siderolabs/talos/pkg/machinery/config/types/block"
	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
	"github.com/siderolabs/talos/pkg/machinery/meta"
)

// discovered is what Talos publishes of a partition, by the field names of block.DiscoveredVolumeSpec.
type discovered struct {
	Type           string `json:"type"`
	Size           uint64 `json:"size"`
	Offset         uint64 `json:"offset"`
	SectorSize     uint   `json:"sector_size"`
	Name           string `json:"name"`
	UUID           string `json:"uuid"`
	Label          string `json:"label"`
	BlockSize      uint32 `json:"block_size"`
	ProbedSize     uint64 `json:"probed_size"`
	PartitionUUID  string `json:"partition_uuid"`
	PartitionType  string `json:"partition_type"`
	PartitionLabel string `json:"partition_label"`
	PartitionIndex uint   `json:"partition_index"`
}

type probed struct {
	Name       string       `json:"name"`
	UUID       string       `json:"uuid"`
	Size       uint64       `json:"size"`
	SectorSize uint         `json:"sector_size"`
	Parts      []discovered `json:"parts"`
}

func probeImage(path, sectorSize string, encoder *json.Encoder) error {
	sector, err := strconv.ParseUint(sectorSize, 10, 32)
	if err != nil {
		return fmt.Errorf("sector size: %w", err)
	}

	info, err := blkid.ProbePath(path, blkid.WithSectorSize(uint(sector)))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	p := probed{Name: info.Name, UUID: text(info.UUID), Size: info.Size, SectorSize: info.SectorSize}

	for _, part := range info.Parts {
		d := discovered{
			Type:           "partition",
			Size:           part.PartitionSize,
			Offset:         part.PartitionOffset,
			SectorSize:     info.SectorSize,
			Name:           part.Name,
			UUID:           text(part.UUID),
			BlockSize:      part.BlockSize,
			ProbedSize:     part.ProbedSize,
			PartitionUUID:  text(part.PartitionUUID),
			PartitionType:  text(part.PartitionType),
			PartitionIndex: part.PartitionIndex,
		}

		if part.Label != nil {
			d.Label = *part.Label
		}

		if part.PartitionLabel != nil {
			d.PartitionLabel = *part.PartitionLabel
		}

		p.Parts = append(p.Parts, d)
	}

	return encoder.Encode(p)
}

func text(id *uuid.UUID) string {
	if id == nil {
		return ""
	}

	return id.String()
}

type metaView struct {
	// Tags are the values by their tags in decimal.
	Tags map[string]string `json:"tags"`
	// State is how Talos reads the tag of STATE's encryption.
	State *encryptionView `json:"state"`
}

func readMeta(path, offset string, encoder *json.Encoder) error {
	file, part, err := openPart(path, offset, strconv.Itoa(talos.Size))
	if err != nil {
		return err
	}

	defer file.Close() //nolint:errcheck

	adv, err := talos.NewADV(part)
	if err != nil {
		return fmt.Errorf("META: %w", err)
	}

	v := metaView{Tags: map[string]string{}}
	for tag, value := range adv.Tags {
		v.Tags[strconv.Itoa(int(tag))] = string(value)
	}

	if value, ok := adv.ReadTagBytes(meta.StateEncryptionConfig); ok {
		if v.State, err = viewState(value); err != nil {
			return err
		}
	}

	return encoder.Encode(v)
}

// viewState tries the two forms in Talos' order.
func viewState(value []byte) (*encryptionView, error) {
	var (
		document block.EncryptionSpec
		legacy   v1alpha1.EncryptionConfig
	)

	if err := json.Unmarshal(value, &document); err == nil {
		return viewEncryption(document), nil
	}

	if err := json.Unmarshal(value, &legacy); err != nil {
		return nil, fmt.Errorf("encryption of STATE: %w", err)
	}

	return viewEncryption(&legacy), nil
}
