package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/budimanjojo/talhelper/v3/pkg/config"
	"github.com/budimanjojo/talhelper/v3/pkg/decrypt"
	"github.com/budimanjojo/talhelper/v3/pkg/substitute"
	"gopkg.in/yaml.v3"
)

// Node is a node after the merge with its group.
type Node struct {
	Hostname string  `json:"hostname"`
	Error    string  `json:"error,omitempty"`
	YAML     string  `json:"yaml"`
	File     string  `json:"file"`
	Patches  []Patch `json:"patches"`
}

// Patch is an entry of a list of patches as far as it goes without templates.
type Patch struct {
	Error    string `json:"error,omitempty"`
	Text     string `json:"text"`
	Skipped  bool   `json:"skipped,omitempty"`
	Template bool   `json:"template,omitempty"`
}

// The files that talhelper looks for unless it is told otherwise.
var envFiles = []string{"talenv.yaml", "talenv.sops.yaml", "talenv.yml", "talenv.sops.yml"}

// loaded writes the files and loads talconfig.yaml there, as `talhelper genconfig` does. The folder is given, so that
// both sides have the same absolute paths.
func loaded(request Request, said *os.File) Answer {
	if err := place(request); err != nil {
		return Answer{Error: "cannot write: " + err.Error()}
	}

	if err := said.Truncate(0); err != nil {
		return Answer{Error: err.Error()}
	}

	if _, err := said.Seek(0, io.SeekStart); err != nil {
		return Answer{Error: err.Error()}
	}

	cfg, err := config.LoadAndValidateFromFile("talconfig.yaml", envFiles, true)
	issues := issues(said)

	if err != nil {
		return Answer{Error: err.Error(), Issues: issues}
	}

	result := Answer{Issues: issues, Patches: patches(cfg.Patches)}

	for _, node := range cfg.Nodes {
		text, err := yaml.Marshal(node)
		if err != nil {
			return Answer{Error: err.Error()}
		}

		result.Nodes = append(result.Nodes, Node{
			Hostname: node.Hostname,
			YAML:     string(text),
			Patches:  patches(node.Patches),
		})
	}

	if request.Ours != "" {
		result.Differ = differ(cfg, request.Ours)
	}

	return result
}

func place(request Request) error {
	if err := os.Chdir(request.Dir); err != nil {
		return err
	}

	for name, text := range request.Files {
		if folder := filepath.Dir(name); folder != "." {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
		}

		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}

	return nil
}

var field = regexp.MustCompile(`^field: "(.*)"$`)

// issues reads what was printed: a line for each field, and below it a line for each finding.
func issues(said *os.File) map[string][]string {
	if _, err := said.Seek(0, io.SeekStart); err != nil {
		return nil
	}

	text, err := io.ReadAll(said)
	if err != nil {
		return nil
	}

	found := map[string][]string{}
	at := ""

	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if match := field.FindStringSubmatch(line); match != nil {
			at = match[1]
			found[at] = nil
		} else if at != "" && line != "" {
			found[at] = append(found[at], line)
		}
	}

	return found
}

// patches goes as far as talhelper's patcher does before it needs a machine configuration.
func patches(list []string) []Patch {
	var result []Patch

	for _, patch := range list {
		result = append(result, one(patch))
	}

	return result
}

func one(patch string) Patch {
	if !strings.HasPrefix(patch, "@") {
		return Patch{Text: patch, Template: strings.Contains(patch, "{{")}
	}

	raw, err := os.ReadFile(patch[1:])
	if err != nil {
		return Patch{Error: err.Error()}
	}

	if strings.TrimSpace(string(raw)) == "" {
		return Patch{Skipped: true}
	}

	contents, err := decrypt.DecryptYamlWithSops(patch[1:])
	if err != nil {
		contents = raw
	}

	if strings.Contains(string(contents), "{{") {
		return Patch{Text: string(contents), Template: true}
	}

	text, err := substitute.SubstituteEnvFromByte(contents)
	if err != nil {
		return Patch{Error: err.Error()}
	}

	return Patch{Text: string(text)}
}

// differ compares with a configuration in which every node is merged already; empty if both are the same.
func differ(cfg *config.TalhelperConfig, text string) string {
	ours, err := config.NewFromByte([]byte(text))
	if err != nil {
		return "ours cannot be read: " + err.Error()
	}

	theirs := *cfg
	theirs.ControlPlane, theirs.Worker = config.NodeConfigs{}, config.NodeConfigs{}

	if reflect.DeepEqual(*ours, theirs) {
		return ""
	}

	left, _ := yaml.Marshal(ours)
	right, _ := yaml.Marshal(theirs)

	if string(left) == string(right) {
		return "same text, other values:\n" + string(left)
	}

	return "ours:\n" + string(left) + "talhelper:\n" + string(right)
}
