// The nouns of devices and deployments.

export type DeviceState = 'enrolled' | 'downloading' | 'verifying' | 'trying' | 'running' | 'failed' | 'revoked'
/** What a device may send home. */
export type Privacy = 'nothing' | 'features' | 'blurred' | 'images'

export interface Device {
  id: string
  name: string
  group: string
  state: DeviceState
  online: boolean
  why: string
  last_seen: string | null
  enrolled_at: string
  running: { bundle: number; number: number; precision: string; on: string; since: string | null } | null
  wanted: { bundle: number; number: number } | null
  progress: { done: number; total: number } | null
  info: Record<string, unknown>
  health: Record<string, unknown>
  privacy: Privacy
  keep_per_hour: number
  keep_mb: number
  latency_budget_ms: number | null
  alerts: number
  sightings: number
  /** What it did lately; null when it told nothing. */
  work?: { p50_ms: number; p95_ms: number; images: number } | null
}

export interface Address {
  url: string
  tls: boolean
  reachable: boolean
  why_not: string
}

export interface Devices {
  devices: Device[]
  address: Address
}

export interface Code {
  code: string
  line: string
  expires_at: string
}

export type DeviceChanges = Partial<Pick<Device, 'name' | 'group' | 'privacy' | 'keep_per_hour' | 'keep_mb' | 'latency_budget_ms'>>

export type DeliveryState = 'waiting' | 'downloading' | 'verifying' | 'trying' | 'running' | 'failed' | 'superseded'

export interface Delivery {
  device: string
  name: string
  state: DeliveryState
  done: number
  total: number
  why: string
  measured: Record<string, unknown> | null
  started_at: string | null
  finished_at: string | null
}

export type Target = 'all' | 'group' | 'share' | 'devices'

export interface Deployment {
  id: number
  bundle: number
  number: number
  rollback: boolean
  target: Target
  group: string
  share: number | null
  state: 'rolling' | 'done' | 'halted' | 'cancelled'
  why: string
  created_by: string | null
  created_at: string
  budget_ms: number | null
  deliveries: Delivery[]
}

export interface NewDeployment {
  bundle: number
  target: Target
  group?: string
  share?: number
  devices?: string[]
  rollback?: boolean
  budget_ms?: number | null
}

export interface VitalsPoint {
  at: string
  count: number
  errors: number
  p50_ms: number | null
  p95_ms: number | null
  throughput: number | null
  mean_confidence: number | null
}

export interface DriftPoint {
  at: string
  psi: number | null
  mmd: number | null
  threshold_psi: number | null
  threshold_mmd: number | null
}

export interface DeviceHistory {
  vitals: VitalsPoint[]
  drift: DriftPoint[]
  deliveries: (Omit<Delivery, 'device' | 'name'> & { deployment: number; number: number; rollback: boolean })[]
}

export interface Alert {
  id: number
  device: string
  name: string
  kind: 'drift_confidence' | 'drift_features' | 'slow' | 'failed' | 'offline' | 'disk'
  value: number | null
  threshold: number | null
  text: string
  opened_at: string
  closed_at: string | null
  seen_by: string | null
  seen_at: string | null
}

export interface ProjectName {
  id: number
  name: string
}

export interface Fleet {
  devices: (Device & { project: ProjectName })[]
  alerts: (Alert & { project: ProjectName })[]
  versions: { project: ProjectName; number: number | null; devices: number }[]
  log: { at: string; user: string | null; action: string; text: string; project: ProjectName | null }[]
}
