# Devices, what is delivered to them, and what they send back.

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0001_initial'),
        ('images', '0003_covering_featured'),
        ('projects', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80)),
                ('group', models.CharField(blank=True, max_length=80)),
                ('public_key', models.TextField(help_text='As PEM.')),
                ('certificate', models.TextField(help_text='As PEM, issued by this workspace.')),
                ('fingerprint', models.CharField(help_text='SHA-256 of the certificate, in hex.', max_length=64, unique=True)),
                ('enrolled_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('enrolled', 'Enrolled'), ('downloading', 'Downloading'), ('verifying', 'Verifying'), ('trying', 'Trying'), ('running', 'Running'), ('failed', 'Failed'), ('revoked', 'Revoked')], default='enrolled', max_length=12)),
                ('why', models.CharField(blank=True, help_text='What the device says about its state.', max_length=500)),
                ('running_since', models.DateTimeField(blank=True, null=True)),
                ('running_precision', models.CharField(blank=True, max_length=12)),
                ('running_on', models.CharField(blank=True, help_text='CPU, GPU or NPU, as OpenVINO names it.', max_length=40)),
                ('order_serial', models.PositiveBigIntegerField(default=0, help_text='Of its newest order; only ever grows.')),
                ('order_taken', models.PositiveBigIntegerField(default=0, help_text='The serial that it last said to have taken.')),
                ('order', models.JSONField(blank=True, help_text='Its newest order, signed (DSSE).', null=True)),
                ('last_seen', models.DateTimeField(blank=True, null=True)),
                ('progress_done', models.PositiveBigIntegerField(default=0)),
                ('progress_total', models.PositiveBigIntegerField(default=0)),
                ('info', models.JSONField(blank=True, default=dict, help_text='What it is: system, processor, versions.')),
                ('health', models.JSONField(blank=True, default=dict, help_text='Load, memory and disk, as last told.')),
                ('privacy', models.CharField(choices=[('nothing', 'Send nothing'), ('features', 'Features only'), ('blurred', 'Images with faces blurred'), ('images', 'Images')], default='nothing', max_length=8)),
                ('keep_per_hour', models.PositiveSmallIntegerField(default=20, help_text='Hard images it may keep an hour.')),
                ('keep_mb', models.PositiveIntegerField(default=200, help_text='Megabytes that it may keep in all.')),
                ('latency_budget_ms', models.FloatField(blank=True, help_text='A model slower than this is not taken.', null=True)),
                ('enrolled_by', models.ForeignKey(help_text='Who made its code.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='projects.project')),
                ('running', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='run_by', to='delivery.bundle')),
                ('wanted', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='wanted_by', to='delivery.bundle')),
            ],
            options={
                'ordering': ['name', 'enrolled_at'],
                'indexes': [models.Index(fields=['project', 'group'], name='device_group')],
            },
        ),
        migrations.CreateModel(
            name='EnrolmentCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('name', models.CharField(blank=True, help_text='What the device will be called; empty: what it says.', max_length=80)),
                ('group', models.CharField(blank=True, max_length=80)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='delivery.device')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='enrolment_codes', to='projects.project')),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at'], name='enrolment_code_expires')],
            },
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rollback', models.BooleanField(default=False, help_text='Devices may go back to an older bundle.')),
                ('target', models.CharField(choices=[('all', 'Every device'), ('group', 'A group'), ('share', 'A share of the devices'), ('devices', 'Named devices')], max_length=8)),
                ('group', models.CharField(blank=True, max_length=80)),
                ('share', models.PositiveSmallIntegerField(blank=True, help_text="Percent of the devices, or of the group's.", null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('rolling', 'Rolling out'), ('done', 'Done'), ('halted', 'Halted'), ('cancelled', 'Cancelled')], default='rolling', max_length=10)),
                ('why', models.CharField(blank=True, max_length=500)),
                ('budget_ms', models.FloatField(blank=True, help_text='A model slower than this on the device is not taken.', null=True)),
                ('bundle', models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='deployments', to='delivery.bundle')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deployments', to='projects.project')),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['project', 'state'], name='deployment_state')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('serial', models.PositiveBigIntegerField(default=0, help_text='Of the order that the device was given for it.')),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the device'), ('downloading', 'Downloading'), ('verifying', 'Verifying'), ('trying', 'Trying'), ('running', 'Running'), ('failed', 'Failed'), ('superseded', 'Superseded')], default='waiting', max_length=12)),
                ('done', models.PositiveBigIntegerField(default=0, help_text='Bytes.')),
                ('total', models.PositiveBigIntegerField(default=0)),
                ('why', models.CharField(blank=True, max_length=500)),
                ('measured', models.JSONField(blank=True, default=dict, help_text='What the device measured before it swapped.')),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('before', models.ForeignKey(help_text='What the device ran before.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='delivery.bundle')),
                ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='delivery.deployment')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='delivery.device')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'ordering': ['pk'],
                'indexes': [models.Index(fields=['device', 'state'], name='delivery_of_device')],
                'constraints': [models.UniqueConstraint(fields=('deployment', 'device'), name='one_delivery_a_device')],
            },
        ),
        migrations.CreateModel(
            name='Vitals',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(help_text='The minute.')),
                ('count', models.PositiveIntegerField(default=0, help_text='Answers given.')),
                ('errors', models.PositiveIntegerField(default=0)),
                ('p50_ms', models.FloatField(null=True)),
                ('p95_ms', models.FloatField(null=True)),
                ('throughput', models.FloatField(help_text='Images a second.', null=True)),
                ('confidence', models.JSONField(default=list, help_text='How often each of 20 equal steps from 0 to 1.')),
                ('classes', models.JSONField(default=dict, help_text='How often each class was the answer.')),
                ('features', models.BinaryField(help_text='Some feature vectors, float16, row by row.', null=True)),
                ('bundle', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='delivery.bundle')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vitals', to='delivery.device')),
            ],
            options={
                'verbose_name_plural': 'vitals',
                'ordering': ['at'],
                'constraints': [models.UniqueConstraint(fields=('device', 'at'), name='one_row_a_minute')],
            },
        ),
        migrations.CreateModel(
            name='Sighting',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('reason', models.CharField(choices=[('torn', 'Torn between classes'), ('unseen', 'Unlike anything it learnt from')], max_length=8)),
                ('margin', models.FloatField(help_text='Between its two likeliest classes.', null=True)),
                ('distance', models.FloatField(help_text='To the nearest of what it learnt from.', null=True)),
                ('label', models.CharField(blank=True, help_text='What it answered.', max_length=80)),
                ('confidence', models.FloatField(null=True)),
                ('seen_at', models.DateTimeField()),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('features', models.BinaryField(help_text='Its feature vector, float16.', null=True)),
                ('bundle', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='delivery.bundle')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sightings', to='delivery.device')),
                ('image', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='sighting', to='images.image')),
            ],
            options={
                'ordering': ['-received_at'],
                'indexes': [models.Index(fields=['device', '-received_at'], name='sighting_of_device')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('drift_confidence', 'Confidence has shifted'), ('drift_features', 'Pictures have shifted'), ('slow', 'Slower than its budget'), ('failed', 'A deployment failed'), ('offline', 'Offline'), ('disk', 'Disk nearly full')], max_length=16)),
                ('value', models.FloatField(null=True)),
                ('threshold', models.FloatField(null=True)),
                ('text', models.CharField(max_length=500)),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='delivery.device')),
                ('seen_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-opened_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('device', 'kind'), name='one_open_alert_of_its_kind')],
            },
        ),
    ]
