//! Which connections an application enables; the one with the lowest position is its default.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "application_connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: Uuid,
    pub position: i32,
    #[sea_orm(belongs_to, from = "application_id", to = "id")]
    pub application: HasOne<super::application::Entity>,
    #[sea_orm(belongs_to, from = "connection_id", to = "id")]
    pub connection: HasOne<super::connection::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
