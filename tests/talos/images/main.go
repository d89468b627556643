// Command images looks at disk images as Talos does: go-blockdevice for tables, signatures and LUKS2 headers, go-adv for
// META. Each subcommand prints one JSON document.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "probe":
		return probe(args[1:], out)
	case len(args) == 2 && args[0] == "luks":
		return header(args[1:], out)
	case len(args) == 3 && args[0] == "meta" && args[1] == "read":
		return readMeta(args[2], out)
	case len(args) == 5 && args[0] == "meta" && args[1] == "write":
		return writeMeta(args[2], args[3], args[4])
	default:
		return errors.New("usage: images probe SECTOR-SIZE IMAGE | luks FILE | meta read FILE | meta write FILE TAG VALUE")
	}
}
