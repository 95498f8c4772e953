// One function a request: what the pages may ask of the server.
import { get, patch, post, put, remove, type Options } from './client'
import type * as T from './types'

// Who we are
export const me = () => get<T.Me>('me')
export const login = (username: string, password: string) => post<T.Me>('auth/login', { username, password })
export const loginByLink = (token: string) => post<T.Me>('auth/link', { token })
export const logout = () => post<undefined>('auth/logout')
export const csrf = () => get<unknown>('auth/csrf')
export const tokens = () => get<T.Token[]>('tokens')
export const createToken = (body: { name: string; scopes: string[]; expires_days: number }) =>
  post<T.Token & { token: string }>('tokens', body)
export const deleteToken = (id: number) => remove(`tokens/${id}`)

// Projects
export const projects = () => get<T.Project[]>('projects')
export const project = (id: number) => get<T.Project>(`projects/${id}`)
export const createProject = (body: T.NewProject) => post<T.Project>('projects', body)
export const updateProject = (id: number, body: Partial<Pick<T.Project, 'name' | 'guidelines' | 'backbone' | 'strategy' | 'head' | 'audit_fraction' | 'audit_every'>>) =>
  patch<T.Project>(`projects/${id}`, body)
export const deleteProject = (id: number) => remove(`projects/${id}`)
export const samples = () => get<T.Sample[]>('samples')
export const createSample = (name: string) => post<{ project: T.Project; job: string }>(`samples/${name}`)

export const addLabel = (id: number, body: T.NewLabel) => post<T.Label>(`projects/${id}/labels`, body)
export const updateLabel = (id: number, label: number, body: Partial<T.NewLabel & { position: number; archived: boolean }>) =>
  patch<T.Label>(`projects/${id}/labels/${label}`, body)
export const archiveLabel = (id: number, label: number) => remove(`projects/${id}/labels/${label}`)

export const members = (id: number) => get<T.Member[]>(`projects/${id}/members`)
export const addMember = (id: number, body: { username: string; role: T.Role }) => post<T.Member>(`projects/${id}/members`, body)
export const updateMember = (id: number, member: number, role: T.Role) =>
  patch<T.Member>(`projects/${id}/members/${member}`, { role })
export const removeMember = (id: number, member: number) => remove(`projects/${id}/members/${member}`)

// Images in
export const imports = (id: number) => get<T.Import[]>(`projects/${id}/imports`)
export const openImport = (id: number, body: { source: string; expected: number; labels_from?: string; name?: string }) =>
  post<T.Import>(`projects/${id}/imports`, body)
export const oneImport = (id: number, batch: number) => get<T.Import>(`projects/${id}/imports/${batch}`)
export const closeImport = (id: number, batch: number) => post<T.Import>(`projects/${id}/imports/${batch}/close`)
export const knownHashes = (id: number, batch: number, hashes: string[]) =>
  post<{ known: string[] }>(`projects/${id}/imports/${batch}/known`, { hashes })
export const sendFiles = (id: number, batch: number, form: FormData, options?: Options) =>
  post<{ results: T.FileResult[]; import: T.Import }>(`projects/${id}/imports/${batch}/files`, form, options)
export const archiveOffset = (id: number, batch: number) => get<{ offset: number }>(`projects/${id}/imports/${batch}/archive`)
export const sendArchiveChunk = (
  id: number,
  batch: number,
  chunk: Blob,
  at: { offset: number; length: number; name: string },
  signal?: AbortSignal,
) =>
  put<{ offset: number; job?: string }>(`projects/${id}/imports/${batch}/archive`, chunk, {
    headers: { 'Upload-Offset': String(at.offset), 'Upload-Length': String(at.length), 'Content-Type': 'application/octet-stream' },
    query: { name: at.name },
    signal,
  })

export interface ImageFilter {
  cursor?: number | null
  limit?: number
  label?: number | string | null
  state?: string | null
  search?: string
}
export const images = (id: number, filter: ImageFilter = {}, signal?: AbortSignal) =>
  get<T.Page<T.ImageRow>>(`projects/${id}/images`, { query: { ...filter }, signal })
export const image = (id: number, image: number) => get<T.ImageDetail>(`projects/${id}/images/${image}`)
export const deleteImage = (id: number, image: number) => remove(`projects/${id}/images/${image}`)

// Labelling
export const nextTasks = (id: number, body: { client: string; count: number; exclude: number[] }, signal?: AbortSignal) =>
  post<{ tasks: T.Task[]; progress: T.Counts }>(`projects/${id}/tasks/next`, body, { signal })
export const renewTasks = (id: number, body: { client: string; images: number[] }) =>
  post<{ lease_expires_at: string; lost: number[] }>(`projects/${id}/tasks/renew`, body)
export const releaseTasks = (id: number, body: { client: string; images?: number[] }, keepalive = false) =>
  post<unknown>(`projects/${id}/tasks/release`, body, { keepalive })
export const annotate = (id: number, body: T.NewAnnotation) =>
  // It outlives the page, so that the last answer before closing arrives too.
  post<{ annotation: unknown; progress: T.Counts }>(`projects/${id}/annotations`, body, { keepalive: true })

// Learning
export const learning = (id: number) => get<T.Learning>(`projects/${id}/learning`)
export const confusionCell = (id: number, truth: number, predicted: number) =>
  get<{ results: T.CellImage[] }>(`projects/${id}/learning/cell`, { query: { truth, predicted } })
export const models = (id: number) => get<T.Model[]>(`projects/${id}/models`)
export const jobs = (id: number) => get<T.Job[]>(`projects/${id}/jobs`)
export const cancelJob = (id: number, job: string) => post<T.Job>(`projects/${id}/jobs/${job}/cancel`)
export const job = (id: number, job: string) => get<T.Job>(`projects/${id}/jobs/${job}`)
export const jobLog = (id: number, job: string) => get<{ log: string }>(`projects/${id}/jobs/${job}/log`)

/** Computes the features that are missing, after such a job was cancelled or has failed. */
export const computeFeatures = (id: number) => post<T.Job[]>(`projects/${id}/features`)

// Delivery and the machine
export const bundles = (id: number) => get<T.Bundle[]>(`projects/${id}/bundles`)
export const createBundle = (id: number) => post<T.Bundle>(`projects/${id}/bundles`)
export const bundle = (id: number, bundle: number) => get<T.Bundle>(`projects/${id}/bundles/${bundle}`)
export const dashboard = (id: number) => get<T.Dashboard>(`projects/${id}/dashboard`)
export const system = () => get<T.System>('system')
