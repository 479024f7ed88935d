package importer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/internal/cf"
)

// zarrStore is a folder in the Zarr format, version 2 or 3: its arrays by path.
type zarrStore struct {
	folder string
	order  []string
}

// mostZarrNodes bounds how many files and folders are looked at for arrays.
const mostZarrNodes = 1 << 20

func openZarr(folder string) (input, error) {
	s := &zarrStore{folder: folder}
	seen := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > mostZarrNodes {
			return fmt.Errorf("more than %d files", mostZarrNodes)
		}
		if !d.IsDir() {
			return nil
		}
		m, err := readZarrMeta(path)
		if err != nil || m == nil || m.isGroup {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if name == "." { // an array by itself is called as its folder
			name = stem(path)
		}
		s.order = append(s.order, filepath.ToSlash(name))
		if err != nil {
			return err
		}
		return filepath.SkipDir // its chunks
	})
	if err == nil && len(s.order) == 0 {
		err = errors.New("a folder without Zarr arrays (.zarray or zarr.json)")
	}
	return s, err
}

func (s *zarrStore) names() []string { return s.order }
func (s *zarrStore) Close() error    { return nil }

// zarrMeta is what the two versions say of an array.
type zarrMeta struct {
	isGroup    bool
	shape      []int
	chunks     []int
	element    element
	fill       float64
	codecs     []zarrCodec // in order of writing
	key        func(index []int) string
	attributes []cf.Attribute
	texts      map[string]string
	axes       []string
}

// zarrCodec is a step between values and bytes.
type zarrCodec struct {
	Name          string          `json:"name"`
	Configuration json.RawMessage `json:"configuration"`
}

// readZarrMeta reads the description in a folder; nil where there is none.
func readZarrMeta(folder string) (*zarrMeta, error) {
	const largest = 1 << 24
	read := func(name string, to any) (bool, error) {
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			return false, nil
		}
		if info.Size() > largest {
			return false, fmt.Errorf("%s has %d bytes; expected at most %d", path, info.Size(), largest)
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		return true, nil
	}
	var three zarrThree
	if found, err := read("zarr.json", &three); found || err != nil {
		if err != nil {
			return nil, err
		}
		return three.meta()
	}
	var two zarrTwo
	found, err := read(".zarray", &two)
	if !found || err != nil {
		if _, statErr := os.Stat(filepath.Join(folder, ".zgroup")); statErr == nil && err == nil {
			return &zarrMeta{isGroup: true}, nil
		}
		return nil, err
	}
	attributes := map[string]any{}
	if _, err := read(".zattrs", &attributes); err != nil {
		return nil, err
	}
	return two.meta(attributes)
}

// zarrTwo is .zarray.
type zarrTwo struct {
	Shape, Chunks []int
	DType         json.RawMessage   `json:"dtype"`
	Compressor    *zarrID           `json:"compressor"`
	Filters       []json.RawMessage `json:"filters"`
	Fill          any               `json:"fill_value"`
	Order         string            `json:"order"`
	Separator     string            `json:"dimension_separator"`
}

type zarrID struct {
	ID          string `json:"id"`
	ElementSize int    `json:"elementsize"`
}

func (z zarrTwo) meta(attributes map[string]any) (*zarrMeta, error) {
	m := &zarrMeta{shape: z.Shape, chunks: z.Chunks}
	var descr string
	if err := json.Unmarshal(z.DType, &descr); err != nil {
		return nil, fmt.Errorf("elements of type %s; expected real numbers; store each field of a structured array by itself", z.DType)
	}
	var err error
	if m.element, err = npyType(descr); err != nil {
		return m, nil // named when it is opened
	}
	if z.Order == "F" {
		m.codecs = append(m.codecs, zarrCodec{Name: "transpose"})
	}
	for _, raw := range z.Filters {
		var f zarrID
		if err := json.Unmarshal(raw, &f); err != nil || f.ID != "shuffle" || f.ElementSize < 1 {
			return nil, fmt.Errorf("filter %s; expected shuffle or none", raw)
		}
		m.codecs = append(m.codecs, zarrCodec{Name: "shuffle", Configuration: json.RawMessage(strconv.Itoa(f.ElementSize))})
	}
	if z.Compressor != nil {
		m.codecs = append(m.codecs, zarrCodec{Name: z.Compressor.ID})
	}
	separator := z.Separator
	if separator == "" {
		separator = "."
	}
	m.key = func(index []int) string { return joinIndex(index, separator, "0") }
	m.fill = zarrFill(z.Fill)
	m.addAttributes(attributes)
	if xarrays := m.axes != nil; xarrays && z.Fill != nil && m.fill != 0 { // xarray keeps _FillValue there
		m.attributes = append(m.attributes, cf.Attribute{Name: "_FillValue", Float: m.element.Float, Numbers: []float64{m.fill}})
	}
	return m, m.check()
}

// zarrThree is zarr.json.
type zarrThree struct {
	Node      string `json:"node_type"`
	Shape     []int  `json:"shape"`
	DType     any    `json:"data_type"`
	ChunkGrid struct {
		Name          string
		Configuration struct {
			Shape []int `json:"chunk_shape"`
		}
	} `json:"chunk_grid"`
	Keys struct {
		Name          string
		Configuration struct{ Separator string }
	} `json:"chunk_key_encoding"`
	Fill       any            `json:"fill_value"`
	Codecs     []zarrCodec    `json:"codecs"`
	Attributes map[string]any `json:"attributes"`
	Names      []*string      `json:"dimension_names"`
}

// zarrTypes are the names of version 3.
var zarrTypes = map[string]string{
	"bool": "b1", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
	"float16": "f2", "float32": "f4", "float64": "f8",
}

func (z zarrThree) meta() (*zarrMeta, error) {
	if z.Node != "array" {
		return &zarrMeta{isGroup: true}, nil
	}
	m := &zarrMeta{shape: z.Shape, chunks: z.ChunkGrid.Configuration.Shape, codecs: z.Codecs, fill: zarrFill(z.Fill)}
	if z.ChunkGrid.Name != "regular" {
		return nil, fmt.Errorf("chunks of the kind %q; expected a regular grid", z.ChunkGrid.Name)
	}
	kind, _ := z.DType.(string)
	m.element, _ = elementOf(zarrTypes[kind], binary.LittleEndian)
	for _, c := range z.Codecs {
		var bytes struct{ Endian string }
		if c.Name == "bytes" && len(c.Configuration) > 0 && json.Unmarshal(c.Configuration, &bytes) == nil && bytes.Endian == "big" {
			m.element, _ = elementOf(zarrTypes[kind], binary.BigEndian)
		}
	}
	separator := z.Keys.Configuration.Separator
	if z.Keys.Name == "v2" {
		if separator == "" {
			separator = "."
		}
		m.key = func(index []int) string { return joinIndex(index, separator, "0") }
	} else {
		if separator == "" {
			separator = "/"
		}
		m.key = func(index []int) string {
			if len(index) == 0 {
				return "c"
			}
			return "c" + separator + joinIndex(index, separator, "")
		}
	}
	m.addAttributes(z.Attributes)
	for i, name := range z.Names {
		if m.axes == nil {
			m.axes = make([]string, len(z.Names))
		}
		if name != nil {
			m.axes[i] = *name
		}
	}
	return m, m.check()
}

func joinIndex(index []int, separator, none string) string {
	if len(index) == 0 {
		return none
	}
	parts := make([]string, len(index))
	for i, n := range index {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, separator)
}

// zarrFill is the fill value: a number, or a name of one that JSON does not have.
func zarrFill(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
	case string:
		switch v {
		case "NaN":
			return math.NaN()
		case "Infinity":
			return math.Inf(1)
		case "-Infinity":
			return math.Inf(-1)
		}
		if bits, err := strconv.ParseUint(strings.TrimPrefix(v, "0x"), 16, 64); err == nil && len(v) == 18 {
			return math.Float64frombits(bits)
		}
		return math.NaN()
	}
	return 0
}

func (m *zarrMeta) addAttributes(attributes map[string]any) {
	m.texts = map[string]string{}
	for name, v := range attributes {
		a := cf.Attribute{Name: name, Float: true}
		switch v := v.(type) {
		case float64:
			a.Numbers = []float64{v}
		case string:
			m.texts[name] = v
			a.Text = []string{v}
			// xarray writes _FillValue into version 3 as the bytes of a float64.
			if raw, err := base64.StdEncoding.DecodeString(v); name == "_FillValue" && err == nil && len(raw) == 8 {
				a.Text, a.Numbers = nil, []float64{math.Float64frombits(binary.LittleEndian.Uint64(raw))}
			} else if special := zarrFill(v); name == "_FillValue" && (v == "NaN" || math.IsInf(special, 0)) {
				a.Text, a.Numbers = nil, []float64{special}
			}
		case []any:
			for _, e := range v {
				switch e := e.(type) {
				case float64:
					a.Numbers = append(a.Numbers, e)
				case string:
					a.Text = append(a.Text, e)
				}
			}
			if name == "_ARRAY_DIMENSIONS" && len(a.Text) == len(m.shape) {
				m.axes = a.Text
			}
		}
		m.attributes = append(m.attributes, a)
	}
	slices.SortFunc(m.attributes, func(a, b cf.Attribute) int { return strings.Compare(a.Name, b.Name) })
}

// largestZarrChunk bounds the bytes of a chunk in memory.
const largestZarrChunk = 1 << 32

// check compares shape and chunks before memory is taken for them.
func (m *zarrMeta) check() error {
	if len(m.shape) != len(m.chunks) || len(m.shape) > 32 {
		return fmt.Errorf("chunks %v of an array of shape %v; expected as many extents", m.chunks, m.shape)
	}
	total, chunk := 1, max(1, m.element.Size)
	for i, n := range m.shape {
		c := m.chunks[i]
		if n < 0 || c < 1 || n > 0 && total > math.MaxInt/64/n || chunk > largestZarrChunk/c {
			return fmt.Errorf("shape %v in chunks %v; expected extents of an array that fits on a disk, in chunks that fit into memory", m.shape, m.chunks)
		}
		if n > 0 {
			total *= n
		}
		chunk *= c
	}
	return nil
}

// zarrArray reads values of an array from its chunks' files.
type zarrArray struct {
	*zarrMeta
	folder  string
	packing cf.Packing
	said    []string
}

func (s *zarrStore) open(name string, ignore []string) (array, error) {
	folder := filepath.Join(s.folder, filepath.FromSlash(name))
	if len(s.order) == 1 && name == stem(s.folder) {
		if m, err := readZarrMeta(s.folder); err == nil && m != nil && !m.isGroup {
			folder = s.folder
		}
	}
	m, err := readZarrMeta(folder)
	if err != nil {
		return nil, err
	}
	if m.element.decode == nil {
		return nil, errors.New("elements that are not real numbers; expected integers, booleans, or floating-point numbers of 2, 4 or 8 bytes")
	}
	a := &zarrArray{zarrMeta: m, folder: folder}
	if a.packing, a.said, err = cf.Read(m.attributes, m.element.Element, false, ignore); err != nil {
		return nil, err
	}
	a.countChunks()
	return a, nil
}

// countChunks notes chunks that are not there: they stand for the fill value, or were never written.
func (a *zarrArray) countChunks() {
	missing, total := 0, 0
	const most = 1 << 16
	_ = eachPiece(a.zarrMeta.shape, a.chunks, func(start, _ []int) error {
		if total++; total > most {
			return errors.New("enough")
		}
		if _, err := os.Stat(a.path(start)); err != nil {
			missing++
		}
		return nil
	})
	if missing > 0 {
		a.said = append(a.said, fmt.Sprintf("%d of %d chunks have no file: they stand for the fill value %v, or were never written", missing, min(total, most), a.fill))
	}
}

// path is the file of the chunk that begins at a position.
func (a *zarrArray) path(start []int) string {
	index := make([]int, len(start))
	for i := range start {
		index[i] = start[i] / a.chunks[i]
	}
	return filepath.Join(a.folder, filepath.FromSlash(a.key(index)))
}

func (a *zarrArray) shape() []int                 { return a.zarrMeta.shape }
func (a *zarrArray) axisNames() []string          { return a.axes }
func (a *zarrArray) notes() []string              { return a.said }
func (a *zarrArray) text(attribute string) string { return a.texts[attribute] }
func (a *zarrArray) pieces([]int) []int           { return a.chunks }

func (a *zarrArray) read(start, count []int) ([]float64, string, error) {
	values := make([]float64, product(count))
	n := len(start)
	low, span := make([]int, n), make([]int, n)
	for i := range low {
		low[i] = start[i] / a.chunks[i] * a.chunks[i]
		span[i] = start[i] + count[i] - low[i]
	}
	err := eachPiece(span, a.chunks, func(at, _ []int) error {
		first := make([]int, n)
		for i := range at {
			first[i] = low[i] + at[i]
		}
		chunk, err := a.chunk(first)
		if err != nil {
			return fmt.Errorf("chunk %v: %w", first, err)
		}
		to, from, size := make([]int, n), make([]int, n), make([]int, n)
		for i := range at {
			begin, end := max(start[i], first[i]), min(start[i]+count[i], first[i]+a.chunks[i])
			to[i], from[i], size[i] = begin-start[i], begin-first[i], end-begin
		}
		copyBox(values, count, to, chunk, a.chunks, from, size)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return values, a.packing.Unpack(values), nil
}

// chunk reads the chunk that begins at a position: the fill value where it has no file.
func (a *zarrArray) chunk(first []int) ([]float64, error) {
	path := a.path(first)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return filled(product(a.chunks), a.fill), nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > largestZarrChunk {
		return nil, fmt.Errorf("a file of %d bytes", info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return a.decode(data, a.chunks, a.codecs)
}

func filled(n int, v float64) []float64 {
	values := make([]float64, n)
	if v != 0 {
		for i := range values {
			values[i] = v
		}
	}
	return values
}

// decode turns the bytes of a chunk of some extents into values: the codecs backwards.
func (a *zarrArray) decode(data []byte, extents []int, codecs []zarrCodec) ([]float64, error) {
	n, size := product(extents), a.element.Size
	var order []int // axes of what is stored, where they were transposed
	var err error
	for i := len(codecs) - 1; i >= 0; i-- {
		switch c := codecs[i]; c.Name {
		case "bytes", "":
		case "transpose":
			order, err = transposed(c, len(extents))
		case "shuffle":
			width, _ := strconv.Atoi(string(c.Configuration))
			data = unshuffle(data, max(1, width))
		case "crc32c":
			if len(data) < 4 {
				err = errDamagedChunk
			} else {
				data = data[:len(data)-4]
			}
		case "sharding_indexed":
			return a.shard(data, extents, c)
		default:
			data, err = decompress(c.Name, data, n*size)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(data) != n*size {
		return nil, fmt.Errorf("%d bytes; expected %d", len(data), n*size)
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = a.element.decode(data[i*size:])
	}
	if order == nil {
		return values, nil
	}
	stored, back := make([]int, len(order)), make([]int, len(order))
	for i, axis := range order {
		stored[i], back[axis] = extents[axis], i
	}
	return transpose(values, stored, back), nil
}

// transposed gives the order of the axes in a stored chunk; without a configuration they are backwards.
func transposed(c zarrCodec, axes int) ([]int, error) {
	var configuration struct{ Order []int }
	if len(c.Configuration) > 0 {
		if err := json.Unmarshal(c.Configuration, &configuration); err != nil {
			return nil, fmt.Errorf("codec transpose: %w", err)
		}
	} else {
		for i := axes - 1; i >= 0; i-- {
			configuration.Order = append(configuration.Order, i)
		}
	}
	sorted := slices.Clone(configuration.Order)
	slices.Sort(sorted)
	for i, axis := range sorted {
		if axis != i || len(sorted) != axes {
			return nil, fmt.Errorf("codec transpose: order %v of %d axes", configuration.Order, axes)
		}
	}
	return configuration.Order, nil
}

// shard decodes a file that holds many chunks, with an index of their places.
func (a *zarrArray) shard(data []byte, extents []int, c zarrCodec) ([]float64, error) {
	var s struct {
		Chunks   []int       `json:"chunk_shape"`
		Codecs   []zarrCodec `json:"codecs"`
		Index    []zarrCodec `json:"index_codecs"`
		Location string      `json:"index_location"`
	}
	if err := json.Unmarshal(c.Configuration, &s); err != nil || len(s.Chunks) != len(extents) || slices.ContainsFunc(s.Codecs, func(c zarrCodec) bool { return c.Name == "sharding_indexed" }) {
		return nil, errors.New("a shard whose description is not understood")
	}
	n, indexed := 1, 16
	for i, extent := range extents {
		if s.Chunks[i] < 1 || extent%s.Chunks[i] != 0 {
			return nil, fmt.Errorf("chunks %v in a shard of %v", s.Chunks, extents)
		}
		n *= extent / s.Chunks[i]
	}
	indexed *= n
	for _, c := range s.Index {
		switch c.Name {
		case "bytes":
		case "crc32c":
			indexed += 4
		default:
			return nil, fmt.Errorf("a shard whose index has the codec %s; expected bytes and crc32c", c.Name)
		}
	}
	if len(data) < indexed {
		return nil, errDamagedChunk
	}
	index := data[len(data)-indexed:]
	if s.Location == "start" {
		index = data[:indexed]
	}
	values := filled(product(extents), a.fill)
	at := 0
	err := eachPiece(extents, s.Chunks, func(start, _ []int) error {
		offset, length := binary.LittleEndian.Uint64(index[16*at:]), binary.LittleEndian.Uint64(index[16*at+8:])
		at++
		if offset == math.MaxUint64 && length == math.MaxUint64 {
			return nil // never written
		}
		if offset > uint64(len(data)) || length > uint64(len(data))-offset {
			return errDamagedChunk
		}
		inner, err := a.decode(data[offset:offset+length], s.Chunks, s.Codecs)
		if err == nil {
			copyBox(values, extents, start, inner, s.Chunks, make([]int, len(start)), s.Chunks)
		}
		return err
	})
	return values, err
}
