package main

// Talos' CEL environments, declared anew: the message types by their published field names and
// types, the variables, the size constants and glob. Everything else is cel-go's standard library.

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/ryanuber/go-glob"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const pkg = "talos.resource.definitions.block"

type fieldType = descriptorpb.FieldDescriptorProto_Type

const (
	text   = descriptorpb.FieldDescriptorProto_TYPE_STRING
	number = descriptorpb.FieldDescriptorProto_TYPE_UINT64
	small  = descriptorpb.FieldDescriptorProto_TYPE_UINT32
	truth  = descriptorpb.FieldDescriptorProto_TYPE_BOOL
)

type field struct {
	name string
	kind fieldType
	list bool
}

var diskFields = []field{
	{"size", number, false}, {"io_size", number, false}, {"sector_size", number, false},
	{"readonly", truth, false}, {"cdrom", truth, false}, {"rotational", truth, false},
	{"model", text, false}, {"serial", text, false}, {"modalias", text, false},
	{"wwid", text, false}, {"uuid", text, false}, {"bus_path", text, false},
	{"sub_system", text, false}, {"transport", text, false}, {"dev_path", text, false},
	{"pretty_size", text, false}, {"firmware_version", text, false},
	{"secondary_disks", text, true}, {"symlinks", text, true},
}

var volumeFields = []field{
	{"size", number, false}, {"sector_size", number, false}, {"io_size", number, false},
	{"probed_size", number, false}, {"offset", number, false}, {"partition_index", number, false},
	{"block_size", small, false}, {"filesystem_block_size", small, false},
	{"name", text, false}, {"uuid", text, false}, {"label", text, false},
	{"partition_uuid", text, false}, {"partition_type", text, false},
	{"partition_label", text, false}, {"type", text, false}, {"device_path", text, false},
	{"parent", text, false}, {"dev_path", text, false}, {"parent_dev_path", text, false},
	{"pretty_size", text, false},
}

var constants = map[string]uint64{
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50, "EiB": 1 << 60,
	"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "EB": 1e18,
}

func message(name string, fields []field) *descriptorpb.DescriptorProto {
	msg := &descriptorpb.DescriptorProto{Name: proto.String(name)}

	for i, f := range fields {
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		if f.list {
			label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		}

		msg.Field = append(msg.Field, &descriptorpb.FieldDescriptorProto{
			Name:   proto.String(f.name),
			Number: proto.Int32(int32(i + 1)),
			Type:   f.kind.Enum(),
			Label:  label.Enum(),
		})
	}

	return msg
}

func descriptors() (protoreflect.FileDescriptor, error) {
	return protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:    proto.String("block.proto"),
		Package: proto.String(pkg),
		Syntax:  proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			message("DiskSpec", diskFields),
			message("DiscoveredVolumeSpec", volumeFields),
		},
	}, nil)
}

func globFunction() cel.EnvOption {
	return cel.Function("glob", cel.Overload("glob_string_string",
		[]*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
		cel.BinaryBinding(func(pattern, subject ref.Val) ref.Val {
			return types.Bool(glob.Glob(string(pattern.(types.String)), string(subject.(types.String))))
		})))
}

type environments struct {
	disk, volume *cel.Env
	messages     protoreflect.MessageDescriptors
}

func newEnvironments() (*environments, error) {
	file, err := descriptors()
	if err != nil {
		return nil, fmt.Errorf("message types: %w", err)
	}

	common := []cel.EnvOption{
		cel.TypeDescs(file),
		cel.Variable("disk", cel.ObjectType(pkg+".DiskSpec")),
	}
	for name, value := range constants {
		common = append(common, cel.Constant(name, cel.UintType, types.Uint(value)))
	}

	disk, err := cel.NewEnv(append(common[:len(common):len(common)],
		cel.Variable("system_disk", cel.BoolType), globFunction())...)
	if err != nil {
		return nil, fmt.Errorf("disk environment: %w", err)
	}

	volume, err := cel.NewEnv(append(common[:len(common):len(common)],
		cel.Variable("volume", cel.ObjectType(pkg+".DiscoveredVolumeSpec")))...)
	if err != nil {
		return nil, fmt.Errorf("volume environment: %w", err)
	}

	return &environments{disk: disk, volume: volume, messages: file.Messages()}, nil
}
