package main

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/parser"
)

// legacySelector is machine.install.diskSelector with the size already read.
type legacySelector struct {
	Op       string  `json:"op"`
	Size     *uint64 `json:"size"`
	UUID     string  `json:"uuid"`
	WWID     string  `json:"wwid"`
	Model    string  `json:"model"`
	Name     string  `json:"name"`
	Serial   string  `json:"serial"`
	Modalias string  `json:"modalias"`
	Type     string  `json:"type"`
	BusPath  string  `json:"busPath"`
}

// builder makes tree nodes with ids of their own.
type builder struct {
	ast.ExprFactory
	id int64
}

func (b *builder) next() int64 {
	b.id++

	return b.id
}

func (b *builder) field(name string) ast.Expr {
	return b.NewSelect(b.next(), b.NewIdent(b.next(), "disk"), name)
}

func (b *builder) call(function string, args ...ast.Expr) ast.Expr {
	return b.NewCall(b.next(), function, args...)
}

func (b *builder) text(value string) ast.Expr {
	return b.NewLiteral(b.next(), types.String(value))
}

// print renders the conjunction that Talos builds for the selector, by cel-go's own printer.
func (s *legacySelector) print(env *cel.Env) (string, error) {
	b := &builder{ExprFactory: ast.NewExprFactory()}

	operands, err := s.operands(b)
	if err != nil {
		return "", err
	}

	whole := operands[len(operands)-1]
	for i := len(operands) - 2; i >= 0; i-- {
		whole = b.call(operators.LogicalAnd, operands[i], whole)
	}

	printed, err := parser.Unparse(whole, ast.NewSourceInfo(nil))
	if err != nil {
		return "", fmt.Errorf("printing: %w", err)
	}

	return printed, nil
}

func (s *legacySelector) operands(b *builder) ([]ast.Expr, error) {
	var operands []ast.Expr

	add := func(e ast.Expr) { operands = append(operands, e) }
	matcher := func(pattern, field string) {
		if pattern != "" {
			add(b.call("glob", b.text(pattern), b.field(field)))
		}
	}

	if s.Size != nil {
		function, ok := map[string]string{
			"": operators.Equals, "==": operators.Equals, ">=": operators.GreaterEquals,
			"<=": operators.LessEquals, ">": operators.Greater, "<": operators.Less,
		}[s.Op]
		if !ok {
			return nil, fmt.Errorf("unsupported operator %q", s.Op)
		}

		add(b.call(function, b.field("size"), b.NewLiteral(b.next(), types.Uint(*s.Size))))
	}

	matcher(s.UUID, "uuid")
	matcher(s.WWID, "wwid")
	matcher(s.Model, "model")

	if s.Name != "" {
		return nil, fmt.Errorf("selector on name is not supported")
	}

	matcher(s.Serial, "serial")
	matcher(s.Modalias, "modalias")
	add(b.call(operators.NotEquals, b.field("transport"), b.text("")))

	switch s.Type {
	case "":
	case "nvme":
		add(b.call(operators.Equals, b.field("transport"), b.text("nvme")))
	case "sd":
		add(b.call(operators.Equals, b.field("transport"), b.text("mmc")))
	case "hdd":
		add(b.field("rotational"))
	case "ssd":
		add(b.call(operators.LogicalNot, b.field("rotational")))
	default:
		return nil, fmt.Errorf("unsupported disk type %q", s.Type)
	}

	matcher(s.BusPath, "bus_path")
	add(b.call(operators.LogicalNot, b.field("readonly")))
	add(b.call(operators.LogicalNot, b.field("cdrom")))

	return operands, nil
}
