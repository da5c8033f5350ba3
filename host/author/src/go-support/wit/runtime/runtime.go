// Package runtime gives the generated code its memory.
package runtime

import (
	"runtime"
	"unsafe"
)

// What the gateway has allocated. Nothing is ever given back: an instance lives for one call.
var given []unsafe.Pointer

func Unpin() {}

// Allocate gives memory that the collector leaves where it is for as long as it is pinned.
func Allocate(pinner *runtime.Pinner, size, _ uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Eight bytes are the largest alignment of any type in WIT.
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(memory)
	return memory
}

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	given = append(given, memory)
	return memory
}
