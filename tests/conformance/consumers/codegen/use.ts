import type { DocumentType } from './document';
import { CreatePodcastDocument, PodcastsDocument } from './operations';

// What a client writes against the generated types; each line stops compiling if the graph's promise changes.
type Podcasts = DocumentType<typeof PodcastsDocument>;
type Created = DocumentType<typeof CreatePodcastDocument>;

export function titles(data: Podcasts): string[] {
  return data.podcasts.edges.map((edge) => edge.node.title);
}

export function failure(data: Created): string | null {
  return data.createPodcast.__typename === 'CreatePodcastPayload' ? null : data.createPodcast.message;
}
