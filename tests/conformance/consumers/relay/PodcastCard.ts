import { graphql } from 'relay-runtime';

// Refetching one object: Relay writes a query of node(id:) for it, so every object with an id must be a Node.
export const fragment = graphql`
  fragment PodcastCard_podcast on Podcast
  @argumentDefinitions(episodes: { type: "Int", defaultValue: 3 }, after: { type: "String" })
  @refetchable(queryName: "PodcastCardRefetchQuery") {
    id
    title
    episodes(first: $episodes, after: $after) @connection(key: "PodcastCard_episodes") {
      edges {
        node {
          id
          title
          publishedAt
        }
      }
    }
  }
`;
