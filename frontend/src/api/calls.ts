// One function a request: what the pages may ask of the server.
import { body, http } from './client'
import type * as T from './types'

const at = (project_id: number) => ({ params: { path: { project_id } } })

// Who we are
export const me = () => body(http.GET('/api/me'))
export const login = (username: string, password: string) => body(http.POST('/api/auth/login', { body: { username, password } }))
export const loginByLink = (token: string) => body(http.POST('/api/auth/link', { body: { token } }))
export const logout = () => body(http.POST('/api/auth/logout'))
/** Has the CSRF cookie set. */
export const csrf = () => body(http.GET('/api/auth/csrf'))
export const tokens = () => body(http.GET('/api/tokens'))
export const createToken = (token: { name: string; scopes: T.Token['scopes']; expires_days: number }) =>
  body(http.POST('/api/tokens', { body: token }))
export const deleteToken = (token_id: number) => body(http.DELETE('/api/tokens/{token_id}', { params: { path: { token_id } } }))

// Projects
export const projects = () => body(http.GET('/api/projects'))
export const project = (id: number) => body(http.GET('/api/projects/{project_id}', at(id)))
export const createProject = (project: T.NewProject) => body(http.POST('/api/projects', { body: project }))
export const updateProject = (id: number, changes: T.ProjectChanges) =>
  body(http.PATCH('/api/projects/{project_id}', { ...at(id), body: changes }))
/** Markdown as everybody will see it; nothing is kept. */
export const previewMarkdown = (text: string) => body(http.POST('/api/markdown', { body: { text } }))
export const deleteProject = (id: number) => body(http.DELETE('/api/projects/{project_id}', at(id)))
export const samples = () => body(http.GET('/api/samples'))
export const createSample = (name: string) => body(http.POST('/api/samples/{name}', { params: { path: { name } } }))

const labelAt = (project_id: number, label_id: number) => ({ params: { path: { project_id, label_id } } })
export const addLabel = (id: number, label: T.NewLabel) => body(http.POST('/api/projects/{project_id}/labels', { ...at(id), body: label }))
export const updateLabel = (id: number, label: number, changes: T.LabelChanges) =>
  body(http.PATCH('/api/projects/{project_id}/labels/{label_id}', { ...labelAt(id, label), body: changes }))
export const archiveLabel = (id: number, label: number) =>
  body(http.DELETE('/api/projects/{project_id}/labels/{label_id}', labelAt(id, label)))

const memberAt = (project_id: number, member_id: number) => ({ params: { path: { project_id, member_id } } })
export const members = (id: number) => body(http.GET('/api/projects/{project_id}/members', at(id)))
export const addMember = (id: number, member: { username: string; role: T.Role }) =>
  body(http.POST('/api/projects/{project_id}/members', { ...at(id), body: member }))
export const updateMember = (id: number, member: number, role: T.Role) =>
  body(http.PATCH('/api/projects/{project_id}/members/{member_id}', { ...memberAt(id, member), body: { role } }))
export const removeMember = (id: number, member: number) =>
  body(http.DELETE('/api/projects/{project_id}/members/{member_id}', memberAt(id, member)))

// Images in
const importAt = (project_id: number, import_id: number) => ({ params: { path: { project_id, import_id } } })
export const imports = (id: number) => body(http.GET('/api/projects/{project_id}/imports', at(id)))
export const openImport = (id: number, batch: Pick<T.NewImport, 'source' | 'expected'> & Partial<T.NewImport>) =>
  body(http.POST('/api/projects/{project_id}/imports', { ...at(id), body: { labels_from: '', name: '', ...batch } }))
export const oneImport = (id: number, batch: number) => body(http.GET('/api/projects/{project_id}/imports/{import_id}', importAt(id, batch)))
export const closeImport = (id: number, batch: number) =>
  body(http.POST('/api/projects/{project_id}/imports/{import_id}/close', importAt(id, batch)))
export const knownHashes = (id: number, batch: number, hashes: string[]) =>
  body(http.POST('/api/projects/{project_id}/imports/{import_id}/known', { ...importAt(id, batch), body: { hashes } }))
/** The form holds `file` and `path`, repeated, in the same order. */
export const sendFiles = (id: number, batch: number, form: FormData, options: { signal?: AbortSignal } = {}) =>
  body(
    http.POST('/api/projects/{project_id}/imports/{import_id}/files', {
      ...importAt(id, batch),
      ...options,
      // The schema describes the form's fields; FormData carries them.
      body: form as never,
      bodySerializer: () => form,
    }),
  )
export const archiveOffset = (id: number, batch: number) =>
  body(http.GET('/api/projects/{project_id}/imports/{import_id}/archive', importAt(id, batch)))
export const sendArchiveChunk = (
  id: number,
  batch: number,
  chunk: Blob,
  piece: { offset: number; length: number },
  signal?: AbortSignal,
) =>
  body(
    http.PUT('/api/projects/{project_id}/imports/{import_id}/archive', {
      params: {
        path: { project_id: id, import_id: batch },
        header: { 'Upload-Offset': piece.offset, 'Upload-Length': piece.length },
      },
      headers: { 'Content-Type': 'application/octet-stream' },
      signal,
      // The schema calls raw bytes a string.
      body: chunk as never,
      bodySerializer: () => chunk,
    }),
  )

export interface ImageFilter {
  cursor?: number | null
  limit?: number
  label?: number | string | null
  /** One of ImageState, or 'audit'; the server refuses others. */
  state?: string | null
  search?: string
  /** Only those that this device sent. */
  device?: string
}
export const images = (id: number, filter: ImageFilter = {}, signal?: AbortSignal) =>
  body(http.GET('/api/projects/{project_id}/images', { params: { path: { project_id: id }, query: given(filter) }, signal }))
const imageAt = (project_id: number, image_id: number) => ({ params: { path: { project_id, image_id } } })
export const image = (id: number, image: number) => body(http.GET('/api/projects/{project_id}/images/{image_id}', imageAt(id, image)))
export const deleteImage = (id: number, image: number) =>
  body(http.DELETE('/api/projects/{project_id}/images/{image_id}', imageAt(id, image)))
/** Those that look most like it. The learning worker answers, so it may be away for a moment. */
export const similarImages = (id: number, image: number, count = 12, signal?: AbortSignal) =>
  body(
    http.GET('/api/projects/{project_id}/images/{image_id}/similar', {
      params: { ...imageAt(id, image).params, query: { count } },
      signal,
    }),
  )
export const duplicates = (id: number, cursor: number, signal?: AbortSignal) =>
  body(http.GET('/api/projects/{project_id}/duplicates', { params: { path: { project_id: id }, query: { cursor } }, signal }))

/** Leaves out what is not filtered by; a class may be named by its id or as 'none'. */
function given({ cursor, label, state, search, limit, device }: ImageFilter) {
  return {
    cursor: cursor ?? undefined,
    label: label === null || label === undefined || label === '' ? undefined : String(label),
    state: (state || undefined) as T.ImageState | 'audit' | undefined,
    search: search || undefined,
    device: device || undefined,
    limit,
  }
}

// Labelling
export const nextTasks = (id: number, ask: { client: string; count: number; exclude: number[] }, signal?: AbortSignal) =>
  body(http.POST('/api/projects/{project_id}/tasks/next', { ...at(id), body: ask, signal }))
export const renewTasks = (id: number, held: { client: string; images: number[] }) =>
  body(http.POST('/api/projects/{project_id}/tasks/renew', { ...at(id), body: held }))
export const releaseTasks = (id: number, held: { client: string; images?: number[] }) =>
  // It outlives the page, which gives its images back when it is left.
  body(http.POST('/api/projects/{project_id}/tasks/release', { ...at(id), body: held, keepalive: true }))
export const annotate = (id: number, annotation: T.NewAnnotation) =>
  // It outlives the page too: the last answer before closing arrives.
  body(http.POST('/api/projects/{project_id}/annotations', { ...at(id), body: annotation, keepalive: true }))

// Learning
export const learning = (id: number) => body(http.GET('/api/projects/{project_id}/learning', at(id)))
export const confusionCell = (id: number, truth: number, predicted: number) =>
  body(http.GET('/api/projects/{project_id}/learning/cell', { params: { path: { project_id: id }, query: { truth, predicted } } }))
export const models = (id: number) => body(http.GET('/api/projects/{project_id}/models', at(id)))
/** Measures on the project's own labels what choosing saves against chance. */
export const startReplay = (id: number) => body(http.POST('/api/projects/{project_id}/replay', at(id)))
const challengerAt = (project_id: number, challenger_id: number) => ({ params: { path: { project_id, challenger_id } } })
export const challengers = (id: number) => body(http.GET('/api/projects/{project_id}/challengers', at(id)))
/** Tries another backbone beside the one at work; it serves if it is significantly better. */
export const challenge = (id: number, backbone: string) => body(http.POST('/api/projects/{project_id}/challengers', { ...at(id), body: { backbone } }))
export const cancelChallenger = (id: number, challenger: number) =>
  body(http.POST('/api/projects/{project_id}/challengers/{challenger_id}/cancel', challengerAt(id, challenger)))
export const useChallenger = (id: number, challenger: number) =>
  body(http.POST('/api/projects/{project_id}/challengers/{challenger_id}/use', challengerAt(id, challenger)))
/** Whether the backbone can learn from the project's labels now, and what that costs. */
export const finetuneOffer = (id: number) => body(http.GET('/api/projects/{project_id}/finetune', at(id)))
export const finetune = (id: number, wanted: T.Finetune) => body(http.POST('/api/projects/{project_id}/finetune', { ...at(id), body: wanted }))
/** Computes the features that are missing, after such a job was cancelled or has failed. */
export const computeFeatures = (id: number) => body(http.POST('/api/projects/{project_id}/features', at(id)))

// Jobs
const jobAt = (project_id: number, job_id: string) => ({ params: { path: { project_id, job_id } } })
export const jobs = (id: number) => body(http.GET('/api/projects/{project_id}/jobs', at(id)))
export const job = (id: number, job: string) => body(http.GET('/api/projects/{project_id}/jobs/{job_id}', jobAt(id, job)))
export const cancelJob = (id: number, job: string) => body(http.POST('/api/projects/{project_id}/jobs/{job_id}/cancel', jobAt(id, job)))
export const jobLog = (id: number, job: string) => body(http.GET('/api/projects/{project_id}/jobs/{job_id}/log', jobAt(id, job)))

// Delivery and the machine
export const bundles = (id: number) => body(http.GET('/api/projects/{project_id}/bundles', at(id)))
/** `max_drop`: the share of accuracy that INT8 may lose. */
export const createBundle = (id: number, wish: { max_drop?: number } = {}) =>
  body(http.POST('/api/projects/{project_id}/bundles', { ...at(id), body: wish }))
export const bundle = (id: number, bundle: number) =>
  body(http.GET('/api/projects/{project_id}/bundles/{bundle_id}', { params: { path: { project_id: id, bundle_id: bundle } } }))
export const dashboard = (id: number) => body(http.GET('/api/projects/{project_id}/dashboard', at(id)))
export const system = () => body(http.GET('/api/system'))
