import { graphql } from 'relay-runtime';

// A mutation's union: the payload, or errors behind one interface; the new node goes into the list.
export const mutation = graphql`
  mutation CreatePodcastMutation($input: CreatePodcastInput!, $connections: [ID!]!) {
    createPodcast(input: $input) {
      __typename
      ... on CreatePodcastPayload {
        podcast @prependNode(connections: $connections, edgeTypeName: "PodcastEdge") {
          id
          ...PodcastCard_podcast
        }
      }
      ... on Error {
        code
        message
        path
      }
    }
  }
`;
