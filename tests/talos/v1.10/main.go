// Command v1.10 asks the machinery of Talos 1.10, which cannot be linked beside that of 1.14.
//
//	v1.10 decode FILE...   how Talos reads machine configurations
//
// The answers are those of the program in the folder above.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/siderolabs/gen/optional"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
	"github.com/siderolabs/talos/pkg/machinery/constants"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) < 2 || args[0] != "decode" {
		return errors.New("usage: v1.10 decode FILE...")
	}

	encoder := json.NewEncoder(out)

	for _, file := range args[1:] {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}

		v, err := decode(data)
		if err != nil {
			v = &view{Error: err.Error()}
		}

		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}

	return nil
}

// metal is the runtime mode of a machine with disks.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

// view is what Talos sees. Shares of the disk and negative maxima came after 1.10.
type view struct {
	Error     string            `json:"error"`
	Type      string            `json:"type"`
	Install   *installView      `json:"install"`
	Volumes   []volumeView      `json:"volumes"`
	Sysctls   map[string]string `json:"sysctls"`
	Sysfs     map[string]string `json:"sysfs"`
	UdevRules []string          `json:"udev_rules"`
	// StateMeta is what Talos writes below the tag 0x09 of META.
	StateMeta string `json:"state_meta"`
}

type installView struct {
	Disk     string `json:"disk"`
	Selector string `json:"selector"`
	Wipe     bool   `json:"wipe"`
	Image    string `json:"image"`
}

type volumeView struct {
	ID          string          `json:"id"`
	Selector    string          `json:"selector"`
	Grow        *bool           `json:"grow"`
	MinSize     *uint64         `json:"min_size"`
	MaxSize     *uint64         `json:"max_size"`
	MaxShare    *uint64         `json:"max_share"`
	MaxNegative bool            `json:"max_negative"`
	Filesystem  string          `json:"filesystem"`
	Encryption  *encryptionView `json:"encryption"`
}

type encryptionView struct {
	Provider  string    `json:"provider"`
	Cipher    string    `json:"cipher"`
	KeySize   uint      `json:"key_size"`
	BlockSize uint64    `json:"block_size"`
	Options   []string  `json:"options"`
	Keys      []keyView `json:"keys"`
}

type keyView struct {
	Slot int    `json:"slot"`
	Kind string `json:"kind"`
}

func decode(data []byte) (*view, error) {
	provider, err := configloader.NewFromBytes(data)
	if err != nil {
		return nil, err
	}

	if _, err := provider.Validate(metal{}, validation.WithLocal()); err != nil {
		return nil, err
	}

	v := &view{
		Type:      provider.Machine().Type().String(),
		Sysctls:   provider.Machine().Sysctls(),
		Sysfs:     provider.Machine().Sysfs(),
		UdevRules: provider.Machine().Udev().Rules(),
	}

	if v.Install, err = viewInstall(provider.Machine().Install()); err != nil {
		return nil, err
	}

	for _, label := range []string{constants.StatePartitionLabel, constants.EphemeralPartitionLabel} {
		volume, _ := provider.Volumes().ByName(label)
		encryption := provider.Machine().SystemDiskEncryption().Get(label)

		if label == constants.StatePartitionLabel {
			value, err := json.Marshal(encryption)
			if err != nil {
				return nil, err
			}

			v.StateMeta = string(value)
		}

		v.Volumes = append(v.Volumes, viewVolume(label, volume.Provisioning(), encryption, ""))
	}

	for _, user := range provider.UserVolumeConfigs() {
		filesystem := user.Filesystem().Type().String()
		v.Volumes = append(v.Volumes,
			viewVolume(constants.UserVolumePrefix+user.Name(), user.Provisioning(), user.Encryption(), filesystem))
	}

	return v, nil
}

func viewInstall(install config.Install) (*installView, error) {
	selector, err := install.DiskMatchExpression()
	if err != nil {
		return nil, err
	}

	v := &installView{Disk: install.Disk(), Wipe: install.Zero(), Image: install.Image()}
	if selector != nil {
		v.Selector = selector.String()
	}

	return v, nil
}

func viewVolume(id string, provisioning config.VolumeProvisioningConfig, encryption config.EncryptionConfig, filesystem string) volumeView {
	v := volumeView{
		ID:         id,
		Grow:       pointer(provisioning.Grow()),
		MinSize:    pointer(provisioning.MinSize()),
		MaxSize:    pointer(provisioning.MaxSize()),
		Filesystem: filesystem,
	}

	if selector, ok := provisioning.DiskSelector().Get(); ok {
		v.Selector = selector.String()
	}

	if encryption != nil {
		v.Encryption = viewEncryption(encryption)
	}

	return v
}

func viewEncryption(encryption config.EncryptionConfig) *encryptionView {
	v := &encryptionView{
		Provider:  encryption.Provider().String(),
		Cipher:    encryption.Cipher(),
		KeySize:   encryption.KeySize(),
		BlockSize: encryption.BlockSize(),
		Options:   encryption.Options(),
	}

	for _, key := range encryption.Keys() {
		v.Keys = append(v.Keys, keyView{Slot: key.Slot(), Kind: kind(key)})
	}

	return v
}

// kind is the one that Talos takes, which looks for them in this order.
func kind(key config.EncryptionKey) string {
	switch {
	case key.Static() != nil:
		return "static"
	case key.NodeID() != nil:
		return "nodeID"
	case key.KMS() != nil:
		return "kms"
	case key.TPM() != nil:
		return "tpm"
	default:
		return ""
	}
}

func pointer[T any](value optional.Optional[T]) *T {
	if inner, ok := value.Get(); ok {
		return &inner
	}

	return nil
}
