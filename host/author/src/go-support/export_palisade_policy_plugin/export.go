package export_palisade_policy_plugin

import (
	"wit_component/palisade_policy_plugin"
	"wit_component/plugin"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

func Describe() palisade_policy_plugin.Manifest { return plugin.Describe() }

func Configure(config string) wit.Result[wit.Unit, string] {
	if err := plugin.Configure(config); err != nil {
		return wit.Err[wit.Unit](err.Error())
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}
