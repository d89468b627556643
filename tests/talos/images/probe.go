package main

// What Talos sees on an image: go-blockdevice's probe, filled into discovered volumes as Talos'
// discovery controller does it, and Talos' locators evaluated over them.

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/siderolabs/go-blockdevice/v2/blkid"
	"github.com/siderolabs/go-blockdevice/v2/encryption/luks"
	"github.com/siderolabs/talos/pkg/machinery/api/resource/definitions/block"
	"github.com/siderolabs/talos/pkg/machinery/cel"
	"github.com/siderolabs/talos/pkg/machinery/cel/celenv"
	"google.golang.org/protobuf/encoding/protojson"
)

// discovered is a block.DiscoveredVolumeSpec of a partition, by its published field names.
type discovered struct {
	Type           string `json:"type"`
	Name           string `json:"name"`
	Size           uint64 `json:"size"`
	Offset         uint64 `json:"offset"`
	SectorSize     uint   `json:"sector_size"`
	UUID           string `json:"uuid"`
	Label          string `json:"label"`
	PartitionUUID  string `json:"partition_uuid"`
	PartitionType  string `json:"partition_type"`
	PartitionLabel string `json:"partition_label"`
	PartitionIndex uint   `json:"partition_index"`
}

type probed struct {
	// Name is the signature of the whole image.
	Name string `json:"name"`
	Size uint64 `json:"size"`
	// Parts are its partitions.
	Parts []discovered `json:"parts"`
	// Located is the index into Parts of the first match of each locator; -1 for none.
	Located map[string]int `json:"located"`
}

// locators are the volume expressions of Talos' volume configurations.
var locators = map[string]string{
	"META":           `volume.partition_label == 'META' && volume.name in ['', 'talosmeta'] && volume.size == 1048576u`,
	"STATE":          `volume.partition_label == 'STATE'`,
	"STATE at boot":  `volume.partition_label == 'STATE' && volume.name != ''`,
	"EPHEMERAL":      `volume.partition_label == 'EPHEMERAL'`,
	"u-longhorn-ssd": `volume.partition_label == 'u-longhorn-ssd'`,
}

func probe(args []string, out io.Writer) error {
	sector, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		return fmt.Errorf("sector size: %w", err)
	}

	info, err := blkid.ProbePath(args[1], blkid.WithSectorSize(uint(sector)), blkid.WithSkipLocking(true))
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}

	answer := probed{Name: info.Name, Size: info.Size, Parts: []discovered{}, Located: map[string]int{}}
	for _, nested := range info.Parts {
		answer.Parts = append(answer.Parts, discover(info, nested))
	}

	for name, text := range locators {
		if answer.Located[name], err = locate(text, answer.Parts); err != nil {
			return fmt.Errorf("locator of %s: %w", name, err)
		}
	}

	return json.NewEncoder(out).Encode(answer)
}

func discover(info *blkid.Info, nested blkid.NestedProbeResult) discovered {
	volume := discovered{
		Type:           "partition",
		Name:           nested.Name,
		Size:           nested.PartitionSize,
		Offset:         nested.PartitionOffset,
		SectorSize:     info.SectorSize,
		PartitionIndex: nested.PartitionIndex,
	}
	if nested.UUID != nil {
		volume.UUID = nested.UUID.String()
	}
	if nested.Label != nil {
		volume.Label = *nested.Label
	}
	if nested.PartitionUUID != nil {
		volume.PartitionUUID = nested.PartitionUUID.String()
	}
	if nested.PartitionType != nil {
		volume.PartitionType = nested.PartitionType.String()
	}
	if nested.PartitionLabel != nil {
		volume.PartitionLabel = *nested.PartitionLabel
	}

	return volume
}

// locate evaluates a locator in Talos' own environment: the first match counts.
func locate(text string, parts []discovered) (int, error) {
	env := celenv.VolumeLocator()

	expression, err := cel.ParseBooleanExpression(text, env)
	if err != nil {
		return -1, err
	}

	for i, part := range parts {
		data, err := json.Marshal(part)
		if err != nil {
			return -1, err
		}

		var volume block.DiscoveredVolumeSpec
		if err := protojson.Unmarshal(data, &volume); err != nil {
			return -1, err
		}

		match, err := expression.EvalBool(env, map[string]any{"volume": &volume})
		if err != nil {
			return -1, err
		}

		if match {
			return i, nil
		}
	}

	return -1, nil
}

// header runs the check that Talos makes of a LUKS2 header before it opens a volume.
func header(args []string, out io.Writer) error {
	slots, err := luks.New(luks.AESXTSPlain64Cipher).ReadKeyslots(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}

	return json.NewEncoder(out).Encode(slots.Keyslots)
}
