// The nouns of the API, as the server speaks them.

export type Role = 'owner' | 'annotator' | 'viewer'

export interface Me {
  id: number
  username: string
  display_name: string
  is_superuser: boolean
  can_create_projects: boolean
}

export interface Label {
  id: number
  name: string
  color: string
  key: string
  position: number
  archived: boolean
  count: number
}

/** A share between 0 and 1 with its 95 % interval, from n audit images. */
export interface Estimate {
  value: number
  low: number
  high: number
  n?: number
}

export interface Counts {
  images: number
  featured: number
  labelled: number
  audit_images: number
  audit_labelled: number
  skipped: number
  flagged: number
  unlabelled: number
}

export interface ModelSummary {
  number: number
  labels: number
  accuracy: Estimate | null
}

/** A model version with all its numbers. */
export interface Model extends ModelSummary {
  state: 'training' | 'judged' | 'serving' | 'refused' | 'retired'
  head: string
  strategy: string
  fit_ms: number
  total_ms: number
  kappa: number | null
  audit_count: number
  macro_f1: number | null
  ppi: Estimate | null
  created_at: string
}

export interface Project {
  id: number
  name: string
  guidelines: string
  guidelines_html: string
  task_type: string
  labels: Label[]
  role: Role
  created_at: string
  backbone: string
  strategy: string
  head: string
  audit_fraction: number
  audit_every: number
  progress: Counts
  model: ModelSummary | null
  cover: string[]
}

export interface NewLabel {
  name: string
  color?: string
  key?: string
}

export interface NewProject {
  name: string
  guidelines?: string
  classes?: NewLabel[]
}

export interface Member {
  id: number
  username: string
  display_name: string
  role: Role
}

export interface Token {
  id: number
  name: string
  hint: string
  scopes: string[]
  created_at: string
  expires_at: string
  last_used_at: string | null
}

export interface Sample {
  name: string
  title: string
  images: number
  classes: number
  available: boolean
  why_not: string
  licence: string
}

export interface ImportProblem {
  name: string
  code: string
  message: string
}

export interface Import {
  id: number
  name: string
  source: string
  state: 'open' | 'closed'
  expected: number
  stored: number
  duplicates: number
  refused: number
  problems: ImportProblem[]
  created_at: string
}

export interface FileResult {
  name: string
  status: 'stored' | 'duplicate' | 'refused'
  image: number | null
  code: string
  message: string
}

export type ImageState = 'labelled' | 'unlabelled' | 'skipped' | 'flagged'

export interface ImageRow {
  id: number
  name: string
  width: number
  height: number
  thumb: string
  display: string
  label: Pick<Label, 'id' | 'name' | 'color'> | null
  state: ImageState
  is_audit: boolean
  guess: number | null
  confidence: number | null
  annotated_by: string | null
  annotated_at: string | null
}

/** One answer that was given about an image. */
export interface Said {
  id: string
  image: number
  kind: AnnotationKind
  label: number | null
  author: string | null
  source: 'person' | 'api' | 'import'
  created_at: string
  seconds: number | null
  model_version: number | null
  guess: number | null
  confidence: number | null
}

export interface ImageDetail extends ImageRow {
  size: number
  format: string
  sha256: string
  added_at: string
  feature_error: string
  history: Said[]
}

/** An audit image behind a cell of the confusion matrix. */
export interface CellImage extends ImageRow {
  predicted: number
}

export interface Page<T> {
  results: T[]
  next: number | null
}

export interface TaskImage {
  id: number
  name: string
  width: number
  height: number
  display: string
  thumb: string
}

export interface Guess {
  label: number
  confidence: number
}

export interface Task {
  image: TaskImage
  kind: 'learn' | 'audit'
  reason: { code: string; text: string }
  guess: Guess | null
  top: Guess[]
  model_version: number | null
  lease_expires_at: string
}

export type AnnotationKind = 'label' | 'skip' | 'flag' | 'clear'

export interface NewAnnotation {
  id: string
  image: number
  kind: AnnotationKind
  label?: number | null
  client: string
  seconds?: number | null
  model_version?: number | null
  guess?: number | null
  confidence?: number | null
}

export interface CurvePoint {
  labels: number
  number: number
  /** null before any audit image was labelled; then the interval says nothing either. */
  accuracy: number | null
  low: number
  high: number
  n: number
  ppi: number | null
  ppi_low: number | null
  ppi_high: number | null
  at: string
}

export interface ClassNumbers {
  label: number
  count: number
  audit_count: number
  precision: number | null
  precision_low: number | null
  precision_high: number | null
  recall: number | null
  recall_low: number | null
  recall_high: number | null
  f1: number | null
}

export interface Learning {
  model: Model | null
  stop: { kappa: number | null; bar: number; near_done: boolean; done: boolean; text: string }
  curve: CurvePoint[]
  confusion: { labels: number[]; matrix: number[][] } | null
  classes: ClassNumbers[]
  queue_depth: number
  simulated: CurvePoint[] | null
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

export interface Job {
  id: string
  kind: string
  state: JobState
  done: number
  total: number
  unit: string
  message: string
  eta_seconds: number | null
  error: string
  /** Left out of live events. */
  created_by?: string | null
  created_at?: string
  started_at?: string | null
  finished_at?: string | null
}

export interface ReportRow {
  precision: string
  accuracy: number | null
  low: number | null
  high: number | null
  n: number
  agreement: number | null
  max_diff: number | null
  compared: number
  size_bytes: number
  latency_p50_ms: number
  latency_p95_ms: number
  throughput: number
}

export interface Bundle {
  id: number
  number: number
  state: 'building' | 'ready' | 'failed'
  model_version: number
  job: string | null
  size: number
  sha256: string
  report: ReportRow[]
  recommended: string
  recommended_why: string
  error: string
  created_at: string
  download: string | null
}

export interface Dashboard {
  per_hour: { hour: string; count: number }[]
  per_person: { user: string; count: number; median_seconds: number | null }[]
  per_class: { label: number; count: number }[]
  curve: CurvePoint[]
  queue_depth: number
  jobs: Job[]
  workers: Worker[]
  disk: Disk
}

export interface Worker {
  name: string
  queues: string[]
  alive: boolean
}

export interface Disk {
  total: number
  free: number
  used_by_us: number
}

export interface Backbone {
  name: string
  title: string
  licence: string
  available: boolean
  how_to_get: string
}

export interface System {
  version: string
  device: { name: string; precision: string; cpu_features: string[]; why: string }
  database: { kind: string; version: string }
  redis: { alive: boolean; version: string | null }
  workers: Worker[]
  disk: Disk
  /** What projects may choose from. */
  features: { backbones: Backbone[]; heads: string[]; strategies: string[] }
}

// What the server tells a project's pages as it happens.
export interface Events {
  model: ModelSummary & { fit_ms: number; total_ms: number; kappa: number | null }
  queue: { model_version: number | null; candidates: number }
  progress: Pick<Counts, 'images' | 'featured' | 'labelled' | 'audit_labelled' | 'skipped' | 'flagged'>
  job: Job
}
