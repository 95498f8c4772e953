// Devices, deployments and what comes back from them: one function a request.
import { body, http } from './client'
import type * as T from './types'

const at = (project_id: number) => ({ params: { path: { project_id } } })
const deviceAt = (project_id: number, device_id: string) => ({ params: { path: { project_id, device_id } } })
const deploymentAt = (project_id: number, deployment_id: number) => ({ params: { path: { project_id, deployment_id } } })

// Devices
export const devices = (id: number) => body(http.GET('/api/projects/{project_id}/devices', at(id)))
/** A code that lets one device in, once, within minutes. */
export const enrolCode = (id: number, wanted: { name: string; group: string }) =>
  body(http.POST('/api/projects/{project_id}/devices/codes', { ...at(id), body: wanted }))
export const device = (id: number, device: string) => body(http.GET('/api/projects/{project_id}/devices/{device_id}', deviceAt(id, device)))
export const updateDevice = (id: number, device: string, changes: T.DeviceChanges) =>
  body(http.PATCH('/api/projects/{project_id}/devices/{device_id}', { ...deviceAt(id, device), body: changes }))
export const revokeDevice = (id: number, device: string) =>
  body(http.DELETE('/api/projects/{project_id}/devices/{device_id}', deviceAt(id, device)))
export const deviceHistory = (id: number, device: string, hours: number) =>
  body(http.GET('/api/projects/{project_id}/devices/{device_id}/history', { params: { ...deviceAt(id, device).params, query: { hours } } }))
/** Back to the newest older bundle that it ran. */
export const rollBackDevice = (id: number, device: string) =>
  body(http.POST('/api/projects/{project_id}/devices/{device_id}/rollback', deviceAt(id, device)))

// Deployments
export const deployments = (id: number) => body(http.GET('/api/projects/{project_id}/deployments', at(id)))
export const deploy = (id: number, wanted: T.NewDeployment) =>
  body(http.POST('/api/projects/{project_id}/deployments', { ...at(id), body: wanted }))
export const cancelDeployment = (id: number, deployment: number) =>
  body(http.POST('/api/projects/{project_id}/deployments/{deployment_id}/cancel', deploymentAt(id, deployment)))
/** Each device that runs what it brought goes back to what it ran before: a deployment for each such bundle. */
export const rollBackDeployment = (id: number, deployment: number) =>
  body(http.POST('/api/projects/{project_id}/deployments/{deployment_id}/rollback', deploymentAt(id, deployment)))

// What comes back
export const alerts = (id: number) => body(http.GET('/api/projects/{project_id}/alerts', at(id)))
export const alertSeen = (project_id: number, alert_id: number) =>
  body(http.POST('/api/projects/{project_id}/alerts/{alert_id}/seen', { params: { path: { project_id, alert_id } } }))
/** All devices of all projects that we may see. */
export const fleet = () => body(http.GET('/api/fleet'))
