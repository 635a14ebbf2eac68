//! Runs what may run, on the schema of whoever sends it.

use std::pin::Pin;
use std::sync::OnceLock;

use async_graphql::{Request, Response};

use super::ready::Ready;
use crate::app::App;
use crate::graphql::{GatewaySchema, HouseSchema, gateway_schema, schema, trusting_schema};

/// The schemas of the house.
pub struct Engine {
    app: App,
    schema: HouseSchema,
    /// The same for requests of gateways, where there is federation.
    gateway: Option<GatewaySchema>,
    /// The first one once more, for documents that it has found valid: a judgement takes a tenth of what a small query costs.
    /// Made when the first such document comes back, because it takes some memory.
    trusting: OnceLock<HouseSchema>,
}

impl Engine {
    pub fn new(app: App) -> Self {
        Self {
            schema: schema(app.clone()),
            gateway: gateway_schema(app.clone()),
            trusting: OnceLock::new(),
            app,
        }
    }

    /// Runs the request, once what was written is found to be valid.
    pub async fn execute(&self, ready: Ready, through_gateway: bool) -> Response {
        if let Some(written) = ready.written {
            let found = self.run(*written, through_gateway).await;
            if found.is_err() {
                return found;
            }
        }
        let Some(read) = ready.lasting.filter(|_| !through_gateway) else {
            return self.run(ready.request, through_gateway).await;
        };
        if read.is_known_valid() {
            let make = || trusting_schema(self.app.clone());
            return Box::pin(self.trusting.get_or_init(make).execute(ready.request)).await;
        }
        let response = self.run(ready.request, false).await;
        if response.is_ok() {
            read.know_valid();
        }
        response
    }

    /// On the heap: whatever wraps a future moves all of it.
    fn run(
        &self,
        request: Request,
        through_gateway: bool,
    ) -> Pin<Box<dyn Future<Output = Response> + Send + '_>> {
        match &self.gateway {
            Some(gateway) if through_gateway => Box::pin(gateway.execute(request)),
            _ => Box::pin(self.schema.execute(request)),
        }
    }
}
