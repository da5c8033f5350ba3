// Package types has what the generated code calls by these names, as far as the contract needs it.
package types

const (
	ResultOk   = 0
	ResultErr  = 1
	OptionNone = 0
	OptionSome = 1
)

// Unit is nothing.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Option is one value or none.
type Option[T any] struct {
	value *T
}

func Some[T any](value T) Option[T] { return Option[T]{&value} }
func None[T any]() Option[T]        { return Option[T]{} }

func (o Option[T]) IsSome() bool { return o.value != nil }
func (o Option[T]) Some() T      { return *o.value }
func (o Option[T]) Tag() uint8 {
	if o.value == nil {
		return OptionNone
	}
	return OptionSome
}

// Result is what came of it, or what went wrong.
type Result[T, E any] struct {
	ok  T
	err *E
}

func Ok[T, E any](value T) Result[T, E]  { return Result[T, E]{ok: value} }
func Err[T, E any](value E) Result[T, E] { return Result[T, E]{err: &value} }

func (r Result[T, E]) Ok() T  { return r.ok }
func (r Result[T, E]) Err() E { return *r.err }
func (r Result[T, E]) Tag() uint8 {
	if r.err == nil {
		return ResultOk
	}
	return ResultErr
}
