// Devices, deployments and what comes back from them: one function a request.
import { body, http } from './client'
import type * as T from './fleet-types'

interface Loose {
  request(method: string, path: string, options: object): Promise<{ data?: unknown }>
}
const ask = <A>(method: string, path: string, values: object, sent?: object) =>
  body((http as unknown as Loose).request(method, path, { params: { path: values }, body: sent })) as Promise<A>

// Devices
export const devices = (id: number) => ask<T.Devices>('get', '/api/projects/{project_id}/devices', { project_id: id })
/** A code that lets one device in, once, within minutes. */
export const enrolCode = (id: number, wanted: { name: string; group: string }) =>
  ask<T.Code>('post', '/api/projects/{project_id}/devices/codes', { project_id: id }, wanted)
export const device = (id: number, device: string) =>
  ask<T.Device>('get', '/api/projects/{project_id}/devices/{device_id}', { project_id: id, device_id: device })
export const updateDevice = (id: number, device: string, changes: T.DeviceChanges) =>
  ask<T.Device>('patch', '/api/projects/{project_id}/devices/{device_id}', { project_id: id, device_id: device }, changes)
export const revokeDevice = (id: number, device: string) =>
  ask<undefined>('delete', '/api/projects/{project_id}/devices/{device_id}', { project_id: id, device_id: device })
export const deviceHistory = (id: number, device: string, hours: number) =>
  ask<T.DeviceHistory>('get', `/api/projects/{project_id}/devices/{device_id}/history?hours=${hours}`, { project_id: id, device_id: device })
/** Back to the bundle that it ran before. */
export const rollBackDevice = (id: number, device: string) =>
  ask<T.Deployment>('post', '/api/projects/{project_id}/devices/{device_id}/rollback', { project_id: id, device_id: device })

// Deployments
export const deployments = (id: number) => ask<T.Deployment[]>('get', '/api/projects/{project_id}/deployments', { project_id: id })
export const deploy = (id: number, wanted: T.NewDeployment) =>
  ask<T.Deployment>('post', '/api/projects/{project_id}/deployments', { project_id: id }, wanted)
export const cancelDeployment = (id: number, deployment: number) =>
  ask<T.Deployment>('post', '/api/projects/{project_id}/deployments/{deployment_id}/cancel', { project_id: id, deployment_id: deployment })
/** Each device that runs what it brought goes back to what it ran before: a deployment for each such bundle. */
export const rollBackDeployment = (id: number, deployment: number) =>
  ask<T.Deployment[]>('post', '/api/projects/{project_id}/deployments/{deployment_id}/rollback', { project_id: id, deployment_id: deployment })

// What comes back
export const alerts = (id: number) => ask<T.Alert[]>('get', '/api/projects/{project_id}/alerts', { project_id: id })
export const alertSeen = (id: number, alert: number) =>
  ask<T.Alert>('post', '/api/projects/{project_id}/alerts/{alert_id}/seen', { project_id: id, alert_id: alert })
/** All devices of all projects that we may see. */
export const fleet = () => ask<T.Fleet>('get', '/api/fleet', {})
