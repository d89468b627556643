// Command talos judges as Talos does, with the modules at the versions that Talos pins: selectors with
// cel-go and go-glob, in Talos' environments as env.go declares them anew; images and LUKS2 headers
// with go-blockdevice; META with go-adv. Talos' own packages are not linked. `select` reads one JSON
// request a line and answers with one line each; the others print one JSON document.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "probe":
		return probe(args[1:], out)
	case len(args) == 2 && args[0] == "luks":
		return header(args[1:], out)
	case len(args) == 3 && args[0] == "meta" && args[1] == "read":
		return readMeta(args[2], out)
	case len(args) == 5 && args[0] == "meta" && args[1] == "write":
		return writeMeta(args[2], args[3], args[4])
	case len(args) == 1 && args[0] == "select":
		return judgeAll(in, out)
	default:
		return errors.New("usage: talos select | probe SECTOR-SIZE IMAGE | luks FILE | meta read FILE | meta write FILE TAG VALUE")
	}
}

func judgeAll(in io.Reader, out io.Writer) error {
	envs, err := newEnvironments()
	if err != nil {
		return err
	}

	lines := bufio.NewReaderSize(in, 1<<20)
	encoder := json.NewEncoder(out)

	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}

		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("request: %w", err)
		}

		var request request
		if err := json.Unmarshal(line, &request); err != nil {
			return fmt.Errorf("request: %w", err)
		}

		answer, err := envs.judge(&request)
		if err != nil {
			return err
		}

		if err := encoder.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}
