// Command talos asks Talos' own code: machinery, go-blockdevice and go-adv at the versions in go.mod.
//
//	talos select                          JSON requests on stdin, one a line: what selectors match
//	talos decode FILE...                  how Talos reads machine configurations
//	talos patch                           JSON requests on stdin, one a line: patches applied to configurations
//	talos validate                        the same requests: what `talosctl validate` says of what comes of them
//	talos fixtures                        the configurations and patches of Talos' own tests
//	talos schema                          the types of machine configurations
//	talos probe IMAGE SECTORSIZE          what Talos discovers on a disk
//	talos meta IMAGE OFFSET               the values in META, and the encryption of STATE
//	talos luks IMAGE OFFSET LENGTH SLOT   whether Talos opens a volume, with the key from stdin
//
// Every answer is a line of JSON. What Talos refuses is an answer; exit status 1 is for the rest.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

const usage = "usage: talos select | decode FILE... | patch | validate | fixtures | schema | probe IMAGE SECTORSIZE | meta IMAGE OFFSET | luks IMAGE OFFSET LENGTH SLOT"

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	encoder := json.NewEncoder(out)

	switch {
	case len(args) == 1 && args[0] == "select":
		return answerSelectors(in, encoder)
	case len(args) > 1 && args[0] == "decode":
		return decodeFiles(args[1:], encoder)
	case len(args) == 1 && args[0] == "patch":
		return answerPatches(in, encoder)
	case len(args) == 1 && args[0] == "validate":
		return answerValidations(in, encoder)
	case len(args) == 1 && args[0] == "fixtures":
		return listFixtures(encoder)
	case len(args) == 1 && args[0] == "schema":
		return describeTypes(encoder)
	case len(args) == 3 && args[0] == "probe":
		return probeImage(args[1], args[2], encoder)
	case len(args) == 3 && args[0] == "meta":
		return readMeta(args[1], args[2], encoder)
	case len(args) == 5 && args[0] == "luks":
		return openVolume(args[1], args[2:], in, encoder)
	default:
		return errors.New(usage)
	}
}
