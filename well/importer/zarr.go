package importer

import "errors"

func openZarr(path string) (input, error) {
	return nil, errors.New("a folder; expected a file")
}
