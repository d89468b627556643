package main

// Machine configurations, as Talos reads them.

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/siderolabs/gen/optional"
	machinery "github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
	"github.com/siderolabs/talos/pkg/machinery/constants"
)

// metal is the runtime mode of a machine with disks.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

// view is what Talos sees; the program in v1.10 answers with the same.
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

func decodeFiles(files []string, encoder *json.Encoder) error {
	for _, file := range files {
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

func decode(data []byte) (*view, error) {
	provider, err := configloader.NewFromBytes(data)
	if err != nil {
		return nil, err
	}

	if _, err := provider.Validate(metal{}, validation.WithLocal()); err != nil {
		return nil, err
	}

	v := &view{
		Type:    provider.Machine().Type().String(),
		Sysctls: provider.SysctlConfig(),
		Sysfs:   provider.SysfsConfig(),
	}

	if udev := provider.UdevRulesConfig(); udev != nil {
		v.UdevRules = udev.Rules()
	}

	if v.Install, err = viewInstall(provider); err != nil {
		return nil, err
	}

	for _, label := range []string{constants.StatePartitionLabel, constants.EphemeralPartitionLabel} {
		volume, _ := provider.Volumes().ByName(label)

		encryption := volume.Encryption()
		if encryption == nil {
			encryption = provider.Machine().SystemDiskEncryption().Get(label)
		}

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

func viewInstall(provider machinery.Provider) (*installView, error) {
	if unattended := provider.UnattendedInstallConfig(); unattended != nil {
		return &installView{
			Selector: unattended.VolumeSelector().String(),
			Wipe:     unattended.VolumeWipe(),
			Image:    unattended.InstallerImage(),
		}, nil
	}

	install := provider.Machine().Install()

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
		ID:          id,
		Grow:        pointer(provisioning.Grow()),
		MinSize:     pointer(provisioning.MinSize()),
		MaxSize:     pointer(provisioning.MaxSize()),
		MaxShare:    pointer(provisioning.RelativeMaxSize()),
		MaxNegative: provisioning.MaxSizeNegative(),
		Filesystem:  filesystem,
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
