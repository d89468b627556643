package main

import (
	"time"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/decrypt"
	"github.com/getsops/sops/v3/stores/yaml"
)

// Sops is how a text is encrypted: for whom else, and which of its values.
type Sops struct {
	Others            int    `json:"others"`
	UnencryptedSuffix string `json:"unencrypted_suffix"`
	EncryptedSuffix   string `json:"encrypted_suffix"`
	UnencryptedRegex  string `json:"unencrypted_regex"`
	EncryptedRegex    string `json:"encrypted_regex"`
	MACOnlyEncrypted  bool   `json:"mac_only_encrypted"`
}

// sealed encrypts a text with SOPS for a new key of age. The answer has the text, the key as SOPS_AGE_KEY in Env, and
// in Env's "plain" what SOPS itself makes of it again.
func sealed(request Request) Answer {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Answer{Error: err.Error()}
	}

	recipients := []string{identity.Recipient().String()}

	for range request.Sops.Others {
		other, err := age.GenerateX25519Identity()
		if err != nil {
			return Answer{Error: err.Error()}
		}

		recipients = append([]string{other.Recipient().String()}, recipients...)
	}

	text, err := request.Sops.encrypt(request.Text, recipients)
	if err != nil {
		return Answer{Error: err.Error()}
	}

	request.Env = map[string]string{"SOPS_AGE_KEY": identity.String()}

	if err := setenv(request.Env); err != nil {
		return Answer{Error: err.Error()}
	}

	plain, err := decrypt.Data(text, "yaml")
	if err != nil {
		return Answer{Error: err.Error()}
	}

	request.Env["plain"] = string(plain)

	return Answer{Text: string(text), Env: request.Env}
}

func (s Sops) encrypt(text string, recipients []string) ([]byte, error) {
	store := yaml.NewStore(&config.YAMLStoreConfig{Indent: 4})

	branches, err := store.LoadPlainFile([]byte(text))
	if err != nil {
		return nil, err
	}

	var group sops.KeyGroup

	for _, recipient := range recipients {
		key, err := sopsage.MasterKeyFromRecipient(recipient)
		if err != nil {
			return nil, err
		}

		group = append(group, key)
	}

	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		KeyGroups:         []sops.KeyGroup{group},
		UnencryptedSuffix: s.UnencryptedSuffix,
		EncryptedSuffix:   s.EncryptedSuffix,
		UnencryptedRegex:  s.UnencryptedRegex,
		EncryptedRegex:    s.EncryptedRegex,
		MACOnlyEncrypted:  s.MACOnlyEncrypted,
		Version:           "3.13.3",
	}}

	// As SOPS has it when nothing is asked for.
	if s == (Sops{Others: s.Others, MACOnlyEncrypted: s.MACOnlyEncrypted}) {
		tree.Metadata.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	}

	key, errs := tree.GenerateDataKey()
	for _, err := range errs {
		return nil, err
	}

	cipher := aes.NewCipher()

	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return nil, err
	}

	tree.Metadata.LastModified = time.Now().UTC()
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339))

	if err != nil {
		return nil, err
	}

	return store.EmitEncryptedFile(tree)
}
