// Command formats asks the readers of what keelblock writes for others, at the versions in go.mod:
//
//	formats sarif < FILE   OASIS' schema of SARIF 2.1.0, which README.md tells the source of
//	formats junit < FILE   go-junit, a reader of JUnit XML as CI systems have one
//	formats job < FILE     Kubernetes' own types, strictly, and its restricted Pod Security Standard
//
// The answer is a line of JSON; what is refused is an error and exit status 1.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/joshdk/go-junit"
	"github.com/xeipuuv/gojsonschema"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: formats sarif | junit | job")
	}

	body, err := io.ReadAll(in)
	if err != nil {
		return err
	}

	var answer any

	switch args[0] {
	case "sarif":
		answer, err = readSARIF(body)
	case "junit":
		answer, err = readJUnit(body)
	case "job":
		answer, err = readJobs(body)
	default:
		err = fmt.Errorf("unknown format %q", args[0])
	}

	if err != nil {
		return err
	}

	return json.NewEncoder(out).Encode(answer)
}

//go:embed sarif-schema-2.1.0.json
var sarifSchema []byte

func readSARIF(body []byte) (any, error) {
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(sarifSchema), gojsonschema.NewBytesLoader(body))
	if err != nil {
		return nil, err
	}

	if !result.Valid() {
		return nil, fmt.Errorf("not valid: %v", result.Errors())
	}

	var log struct {
		Runs []struct{ Results []any }
	}

	if err := json.Unmarshal(body, &log); err != nil {
		return nil, err
	}

	results := 0

	for _, run := range log.Runs {
		results += len(run.Results)
	}

	return map[string]any{"runs": len(log.Runs), "results": results}, nil
}

func readJUnit(body []byte) (any, error) {
	suites, err := junit.Ingest(body)
	if err != nil {
		return nil, err
	}

	cases := map[string]string{}

	for _, suite := range suites {
		for _, test := range suite.Tests {
			cases[test.Name] = string(test.Status)
		}
	}

	return cases, nil
}
