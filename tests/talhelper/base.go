package main

import (
	"encoding/base64"
	"strings"

	"github.com/siderolabs/crypto/x509"
	tconfig "github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/generate/secrets"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
)

// Base is what a configuration is generated of. Every secret of it is Secret, but for AESCBC and Secretbox.
type Base struct {
	Name       string   `json:"name"`
	Endpoint   string   `json:"endpoint"`
	Kubernetes string   `json:"kubernetes"`
	Talos      string   `json:"talos"`
	Domain     string   `json:"domain"`
	Pods       []string `json:"pods"`
	Services   []string `json:"services"`
	Installer  string   `json:"installer"`
	Machine    []string `json:"machine"`
	Server     []string `json:"server"`
	Schedule   bool     `json:"schedule"`
	Worker     bool     `json:"worker"`
	Secret     string   `json:"secret"`
	AESCBC     string   `json:"aescbc"`
}

// based generates a configuration the way talhelper does, before it changes anything for the node.
func based(request Request) Answer {
	base := request.Base

	contract, err := tconfig.ParseContractFromVersion(base.Talos)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	bundle, err := base.bundle()
	if err != nil {
		return Answer{Error: err.Error()}
	}

	options := []generate.Option{
		generate.WithVersionContract(contract),
		generate.WithSecretsBundle(bundle),
		generate.WithInstallImage(base.Installer),
		generate.WithDNSDomain(base.Domain),
	}
	if base.Schedule {
		options = append(options, generate.WithAllowSchedulingOnControlPlanes(true))
	}

	input, err := generate.NewInput(base.Name, base.Endpoint, base.Kubernetes, options...)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	input.PodNet, input.ServiceNet = base.Pods, base.Services
	input.AdditionalMachineCertSANs, input.AdditionalSubjectAltNames = base.Machine, base.Server

	kind := machine.TypeControlPlane
	if base.Worker {
		kind = machine.TypeWorker
	}

	config, err := input.Config(kind)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	// As talhelper's GenerateNodeConfig.
	if contract.SecretboxEncryptionSupported() && base.AESCBC != "" && !contract.MultidocKubernetesConfigSupported() {
		config.RawV1Alpha1().ClusterConfig.ClusterAESCBCEncryptionSecret = base.AESCBC //nolint:staticcheck
	}

	text, err := config.EncodeBytes(encoder.WithComments(encoder.CommentsDisabled))
	if err != nil {
		return Answer{Error: err.Error()}
	}

	return Answer{Text: string(text)}
}

func (base *Base) bundle() (*secrets.Bundle, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(base.Secret))
	if err != nil {
		return nil, err
	}

	pair := func() *x509.PEMEncodedCertificateAndKey {
		return &x509.PEMEncodedCertificateAndKey{Crt: raw, Key: raw}
	}

	return &secrets.Bundle{
		Clock:      secrets.NewClock(),
		Cluster:    &secrets.Cluster{ID: base.Secret, Secret: base.Secret},
		TrustdInfo: &secrets.TrustdInfo{Token: base.Secret},
		Secrets: &secrets.Secrets{
			BootstrapToken:            base.Secret,
			AESCBCEncryptionSecret:    base.AESCBC,
			SecretboxEncryptionSecret: base.Secret,
		},
		Certs: &secrets.Certs{
			Etcd:              pair(),
			K8s:               pair(),
			K8sAggregator:     pair(),
			K8sServiceAccount: &x509.PEMEncodedKey{Key: raw},
			OS:                pair(),
		},
	}, nil
}
