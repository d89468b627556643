package main

import (
	"strings"

	"github.com/budimanjojo/talhelper/v3/pkg/talos"
	"github.com/siderolabs/talos/pkg/machinery/config/types/v1alpha1"
	"gopkg.in/yaml.v3"
)

// links turns interfaces into documents in the order in which talhelper does it. Naming those that are only selected is
// the work of the first step.
func links(request Request) Answer {
	var devices []*v1alpha1.Device
	if err := yaml.Unmarshal([]byte(request.Text), &devices); err != nil {
		return Answer{Error: err.Error()}
	}

	var text strings.Builder

	for _, step := range []func([]*v1alpha1.Device) ([]byte, error){
		talos.GenerateLinkAliasConfigBytes,
		talos.GenerateBondMemberAliasConfigBytes,
		talos.GenerateBondConfigBytes,
		talos.GenerateDHCPConfigsBytes,
		talos.GenerateVIPConfigBytes,
		talos.GenerateLinkConfigBytes,
		talos.GenerateVLANConfigBytes,
		talos.GenerateWireguardConfigBytes,
		talos.GenerateBridgeConfigBytes,
	} {
		documents, err := step(devices)
		if err != nil {
			return Answer{Error: err.Error()}
		}

		text.Write(documents)
	}

	return Answer{Text: text.String()}
}
