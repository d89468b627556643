// Command talos judges selectors as Talos does: with cel-go and go-glob at the versions that Talos
// pins, in its environments as env.go declares them anew. Talos' own packages are not linked.
// It reads one JSON request a line and answers with one line each.
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
	if len(args) != 1 || args[0] != "select" {
		return errors.New("usage: talos select")
	}

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
