import { graphql } from 'relay-runtime';

// Pagination: the connection's names, cursors and page info are as Relay wants them.
export const query = graphql`
  query PodcastListQuery($count: Int = 10, $after: String) {
    ...PodcastList_query @arguments(count: $count, after: $after)
  }
`;

export const fragment = graphql`
  fragment PodcastList_query on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, after: { type: "String" })
  @refetchable(queryName: "PodcastListPaginationQuery") {
    podcasts(first: $count, after: $after) @connection(key: "PodcastList_podcasts") {
      edges {
        cursor
        node {
          ...PodcastCard_podcast
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`;
