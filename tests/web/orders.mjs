// A second subgraph, whose orders belong to users of the first.

export const ORDERS = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@shareable"])

  type Query {
    orders: [Order!]!
    ordersPage: OrderConnection!
  }

  type Order @key(fields: "id") {
    id: ID!
    buyer: User
  }

  type User @key(fields: "id") {
    id: ID!
    orders: [Order!]!
  }

  type OrderConnection {
    nodes: [Order!]!
    pageInfo: PageInfo!
  }

  type PageInfo @shareable {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }
`;
