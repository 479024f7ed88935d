package checkpoint

import (
	"errors"
	"fmt"
	"strings"
)

// storageRecord is a PyTorch storage that a pickle names: a flat run of elements in the entry data/KEY of the archive.
type storageRecord struct {
	dtype    DType
	key      string
	elements int64
}

// tensorRecord is a view of a storage: offset and strides are in elements.
type tensorRecord struct {
	storage        *storageRecord
	offset         int64
	shape, strides []int
}

// The globals that a file of tensors names, beside the storage classes.
var (
	globalOrderedDict      = pickleGlobal{"collections", "OrderedDict"}
	globalRebuildTensor    = pickleGlobal{"torch._utils", "_rebuild_tensor_v2"}
	globalRebuildParameter = pickleGlobal{"torch._utils", "_rebuild_parameter"}
	globalSize             = pickleGlobal{"torch", "Size"}
)

// allowed reports whether a pickle may name this global.
func (g pickleGlobal) allowed() bool {
	switch g {
	case globalOrderedDict, globalRebuildTensor, globalRebuildParameter, globalSize:
		return true
	}
	_, isStorage := g.storageType()
	return isStorage
}

// storageType is the element type of a storage class such as torch.FloatStorage.
func (g pickleGlobal) storageType() (DType, bool) {
	if g.module != "torch" || !strings.HasSuffix(g.name, "Storage") {
		return 0, false
	}
	return dtypeOfStorage(g.name)
}

// construct runs the opcodes that build objects: a call of an allowed global, an object's state, a storage.
func (u *unpickler) construct(op byte) error {
	switch op {
	case opBinPersID:
		id, err := popType[pickleTuple](u)
		if err != nil {
			return err
		}
		storage, err := newStorageRecord(id)
		if err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		u.push(storage)
		return nil
	case opBuild: // an OrderedDict's attributes, such as a state dict's _metadata: nothing that we need
		if _, err := u.pop(); err != nil {
			return err
		}
		dict, err := popType[*pickleDict](u)
		u.push(dict)
		return err
	}
	args, err := popType[pickleTuple](u)
	if err != nil {
		return err
	}
	callee, err := popType[pickleGlobal](u)
	if err != nil {
		return err
	}
	built, err := callee.call(args)
	if err != nil {
		return fmt.Errorf("%s.%s: %w", callee.module, callee.name, err)
	}
	u.push(built)
	return nil
}

// call builds what the allowed callables would.
func (g pickleGlobal) call(args pickleTuple) (any, error) {
	switch g {
	case globalOrderedDict:
		if len(args) != 0 {
			return nil, fmt.Errorf("%d arguments; expected none", len(args))
		}
		return &pickleDict{}, nil
	case globalRebuildTensor:
		return newTensorRecord(args)
	case globalRebuildParameter: // (tensor, requires_grad, hooks)
		if len(args) > 0 {
			if tensor, ok := args[0].(*tensorRecord); ok {
				return tensor, nil
			}
		}
		return nil, errors.New("expected a tensor as the first argument")
	case globalSize:
		if len(args) == 1 {
			if extents, ok := args[0].(pickleTuple); ok {
				return extents, nil
			}
		}
		return nil, errors.New("expected one tuple")
	}
	return nil, errors.New("this class can not be called")
}

// newStorageRecord reads a persistent id: ("storage", class, key, device, elements).
func newStorageRecord(id pickleTuple) (*storageRecord, error) {
	if len(id) < 5 || id[0] != "storage" {
		return nil, fmt.Errorf("persistent id of %d parts; expected (\"storage\", class, key, device, elements)", len(id))
	}
	class, isGlobal := id[1].(pickleGlobal)
	key, isString := id[2].(string)
	elements, isInt := id[4].(int64)
	if !isGlobal || !isString || !isInt || elements < 0 {
		return nil, fmt.Errorf("persistent id (%s, %s, %s); expected a class, a key and a count", describe(id[1]), describe(id[2]), describe(id[4]))
	}
	dtype, isStorage := class.storageType()
	if !isStorage {
		return nil, fmt.Errorf("%s.%s is not a storage class", class.module, class.name)
	}
	return &storageRecord{dtype: dtype, key: key, elements: elements}, nil
}

// newTensorRecord reads the arguments (storage, offset, shape, strides, ...) and checks that the view stays inside the storage
// and is no larger than it: a view that repeats elements could claim any size.
func newTensorRecord(args pickleTuple) (*tensorRecord, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("%d arguments; expected a storage, an offset, a shape and strides", len(args))
	}
	storage, isStorage := args[0].(*storageRecord)
	offset, isInt := args[1].(int64)
	if !isStorage || !isInt || offset < 0 {
		return nil, fmt.Errorf("arguments (%s, %v); expected a storage and an offset", describe(args[0]), args[1])
	}
	shape, err := extents(args[2])
	if err != nil {
		return nil, fmt.Errorf("shape: %w", err)
	}
	strides, err := extents(args[3])
	if err != nil {
		return nil, fmt.Errorf("strides: %w", err)
	}
	if len(shape) != len(strides) {
		return nil, fmt.Errorf("shape %v with strides %v", shape, strides)
	}
	volume, err := checkedVolume(shape)
	if err != nil {
		return nil, err
	}
	if volume > storage.elements || offset > storage.elements {
		return nil, fmt.Errorf("shape %v at element %d of a storage of %d", shape, offset, storage.elements)
	}
	if volume > 0 {
		left := storage.elements - 1 - offset
		for i, extent := range shape {
			if extent > 1 && int64(strides[i]) > left/int64(extent-1) {
				left = -1
			}
			if left < 0 {
				return nil, fmt.Errorf("shape %v with strides %v at element %d leaves a storage of %d", shape, strides, offset, storage.elements)
			}
			left -= int64(extent-1) * int64(strides[i])
		}
	}
	return &tensorRecord{storage: storage, offset: offset, shape: shape, strides: strides}, nil
}

// extents turns a tuple of integers into non-negative ints.
func extents(v any) ([]int, error) {
	tuple, ok := v.(pickleTuple)
	if !ok || len(tuple) > maxRank {
		return nil, fmt.Errorf("found %s; expected a tuple of at most %d integers", describe(v), maxRank)
	}
	out := make([]int, len(tuple))
	for i, item := range tuple {
		n, ok := item.(int64)
		if !ok || n < 0 || int64(int(n)) != n {
			return nil, fmt.Errorf("found %v; expected integers that are not negative", item)
		}
		out[i] = int(n)
	}
	return out, nil
}

// statePaths are where trainers put the state dict, most specific first; the last is a bare state dict.
var statePaths = [][]string{{"app", "model"}, {"model"}, {"state_dict"}, {"model_state_dict"}, {}}

// findStateDict walks to the dictionary that holds tensors.
func findStateDict(root any) (*pickleDict, error) {
	for _, path := range statePaths {
		dict, ok := root.(*pickleDict)
		for _, key := range path {
			if !ok {
				break
			}
			dict, ok = dict.values[key].(*pickleDict)
		}
		if ok && dict.holdsTensors() {
			return dict, nil
		}
	}
	return nil, errors.New(`no state dict: expected tensors under ["app"]["model"], ["model"], ["state_dict"], ["model_state_dict"] or at the top`)
}

func (d *pickleDict) holdsTensors() bool {
	for _, v := range d.values {
		if _, ok := v.(*tensorRecord); ok {
			return true
		}
	}
	return false
}
