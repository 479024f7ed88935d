package train

import (
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
)

// LoadTrained opens an engine and puts the weights of a run's last checkpoint on it. The caller closes the network, then
// the engine.
func LoadTrained(engineName, folder string) (*engine.Engine, *network.Network, *sample.Vocabulary, error) {
	e, err := engine.Open(engineName)
	if err != nil {
		return nil, nil, nil, err
	}
	n, config, err := network.Load(e, folder, network.LoadOptions{})
	if err != nil {
		e.Close()
		return nil, nil, nil, err
	}
	vocabulary, err := sample.NewVocabulary(config.Fields)
	if err != nil {
		n.Close()
		e.Close()
		return nil, nil, nil, err
	}
	return e, n, vocabulary, nil
}
