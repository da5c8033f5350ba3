//! What is planned for results, by the policies of one moment.

use std::sync::Arc;

use crate::{Batch, Chain, Denial, Field, Masking, Observation, Shape};

/// A plan for one result, and the policies that made it; these and no others inspect its values.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What to do.
    pub masking: Arc<Masking>,
    /// What policies that only observe would have done besides.
    pub observed: Arc<[Observation]>,
    pub(super) chain: Arc<Chain>,
}

impl Planned {
    /// Sends values to the policy at place `index` of the plan.
    ///
    /// # Errors
    /// A denial when that policy fails; the result must then be withheld.
    pub fn inspect(&self, index: usize, values: Batch) -> Result<Batch, Denial> {
        self.chain.inspect(index, values)
    }
}

/// Plans results by the policies of one moment.
#[derive(Clone, Debug)]
pub struct Planner {
    pub(super) chain: Arc<Chain>,
}

impl Planner {
    /// Which of these values are covered whole, each given by the columns that it may come from.
    ///
    /// # Errors
    /// A denial when a policy fails.
    pub fn covered(
        &self,
        values: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<Vec<bool>, Denial> {
        let field = |sources| Field { name: String::new(), sources, type_name: "text".to_owned() };
        let shape = Shape::Table(values.into_iter().map(field).collect());
        let masking = self.chain.plan(&shape)?;
        Ok(masking.fields.iter().map(|treatment| treatment.cover.is_some()).collect())
    }
}
