mod auth_config;
