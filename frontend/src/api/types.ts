// The nouns of the API under the names that the pages use.
import type { components } from './schema'

type Schemas = components['schemas']

export type Role = Schemas['RoleEnum']
export type Me = Schemas['MeRow']
export type Member = Schemas['MemberRow']
export type Token = Schemas['TokenRow']

export type Project = Schemas['ProjectRow']
export type NewProject = Schemas['NewProjectRequest']
export type ProjectChanges = Schemas['PatchedProjectChangesRequest']
export type Counts = Schemas['ProgressRow']
/** A class, and how many images have it now. */
export type Label = Schemas['CountedLabel']
export type NewLabel = Schemas['NewLabelRequest']
export type LabelChanges = Schemas['PatchedLabelChangesRequest']
export type Sample = Schemas['SampleRow']

export type Import = Schemas['ImportRow']
export type ImportProblem = Schemas['ProblemRow']
export type NewImport = Schemas['NewImportRequest']
export type FileResult = Schemas['FileResult']

export type ImageState = Schemas['ImageStateEnum']
export type ImageRow = Schemas['ImageRow']
export type ImageDetail = Schemas['ImageDetail']
/** An image with how much it looks like the one that was asked about. */
export type SimilarImage = Schemas['SimilarImage']
/** Near duplicates. */
export type TwinGroup = Schemas['GroupRow']
/** An audit image behind a cell of the confusion matrix. */
export type CellImage = Schemas['CellImage']
/** One answer that was given about an image. */
export type Said = Schemas['AnnotationRow']

export type Task = Schemas['TaskRow']
export type Guess = Schemas['GuessRow']
export type AnnotationKind = Schemas['AnnotationKindEnum']
export type NewAnnotation = Schemas['NewAnnotationRequest']

/** A share between 0 and 1 with its 95 % interval; on audit images, with their number. */
export type Estimate = Schemas['EstimateRow'] & Partial<Pick<Schemas['AccuracyRow'], 'n'>>
export type ModelSummary = Schemas['ServingModelRow']
/** A model version with all its numbers. */
export type Model = Schemas['ModelDetail']
export type CurvePoint = Schemas['CurvePoint']
export type ClassNumbers = Schemas['ClassRow']
export type Learning = Schemas['LearningRow']

/** Live events leave out who asked for it and when. */
export type Job = Omit<Schemas['JobRow'], JobTimes> & Partial<Pick<Schemas['JobRow'], JobTimes>>
type JobTimes = 'created_by' | 'created_at' | 'started_at' | 'finished_at'
export type JobState = Schemas['JobStateEnum']
/** Another backbone that was tried beside the one at work, and how the two compare. */
export type Challenger = Schemas['ChallengerRow']
export type Challengers = Schemas['ChallengersRow']
export type FinetuneOffer = Schemas['OfferRow']
export type Finetune = Schemas['FinetuneRequestRequest']
export type Comparison = Schemas['ComparisonRow']
export type Bundle = Schemas['BundleRow']
export type ReportRow = Schemas['ReportRow']
export type Dashboard = Schemas['DashboardRow']
export type Worker = Schemas['WorkerRow']
export type Disk = Schemas['DiskRow']
export type Backbone = Schemas['BackboneRow']
export type System = Schemas['SystemRow']

export type Device = Schemas['DeviceRow']
export type Devices = Schemas['DevicesRow']
/** Where devices reach the site. */
export type Address = Schemas['AddressRow']
export type EnrolCode = Schemas['CodeRow']
export type DeviceChanges = Schemas['PatchedDeviceChangesRequest']
/** What a device may send home. */
export type Privacy = Schemas['DevicePrivacyEnum']
export type Deployment = Schemas['DeploymentRow']
/** The way of a deployment's bundle to one device. */
export type Delivery = Schemas['DeliveryRow']
export type Target = Schemas['TargetEnum']
export type NewDeployment = Schemas['NewDeploymentRequest']
export type DeviceHistory = Schemas['DeviceHistory']
/** One minute of a device, or some together. */
export type VitalsPoint = Schemas['VitalsPoint']
export type DriftPoint = Schemas['DriftPoint']
export type Alert = Schemas['AlertRow']
/** The devices of all projects, who runs what, what is wrong, and who did what. */
export type Fleet = Schemas['FleetRow']

// What the server tells a project's pages as it happens.
export interface Events {
  model: ModelSummary & { fit_ms: number; total_ms: number; kappa: number | null }
  queue: { model_version: number | null; candidates: number }
  progress: Partial<Counts>
  job: Job
  device: Device
  deployment: Deployment
  alert: Alert
}
