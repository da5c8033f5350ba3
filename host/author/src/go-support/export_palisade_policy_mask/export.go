package export_palisade_policy_mask

import (
	. "wit_component/palisade_policy_types"
	"wit_component/plugin"
)

func PlanFor(context Context, shape Shape) Plan { return plugin.PlanFor(context, shape) }

func Inspect(context Context, values Batch) Batch { return plugin.Inspect(context, values) }
